"""Children of two pictures on a page: zone by zone from one, the other or both; their descent; kept as vectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from browser import Browser

from installation.control.desk import Desk
from installation.generators.stylegan2 import Settings, StyleGAN2
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.latent import bred, vectors
from installation.latent.breeding import CHILDREN, SHARES, ZONES, Family
from installation.latent.door import Door
from installation.pages.server import PageServer
from installation.settings import Osc
from installation.signals import Knob

SECTIONS = {"coarse": slice(0, 3), "middle": slice(3, 5), "fine": slice(5, 8)}


@pytest.fixture
def family(tmp_path: Path, monkeypatch) -> Family:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    torch.manual_seed(0)
    net = Generator(NetworkConfig(32, 16, 24, 2, {4: 24, 8: 24, 16: 16, 32: 12})).eval().requires_grad_(False)
    generator = StyleGAN2(net, Settings(dtype="float32"), device="cpu", seed=3)
    return Family(generator, "small", {name: generator.of_seed(i) for i, name in enumerate(("rose", "iris", "moss"))})


def test_each_zone_of_a_child_is_the_ones_the_others_or_between_and_says_so(family: Family) -> None:
    born = family.breed(0, 2, 0.0)["born"] + family.breed(0, 2, 0.0)["born"]
    first, second = family.all[0].point, family.all[2].point
    for told in born:
        point = family.all[told["number"]].point
        assert told["parents"] == [0, 2]
        for zone, rows in SECTIONS.items():
            expected = torch.lerp(first[rows], second[rows], SHARES[told["zones"][zone]])
            assert torch.allclose(point[rows], expected, atol=1e-6)
        assert not point.equal(first) and not point.equal(second), "a child, not a copy"
    assert {word for told in born for word in told["zones"].values()} == set(SHARES)


def test_mutation_is_as_strong_as_it_is_asked_for(family: Family) -> None:
    def strength(mutation: float) -> float:
        born = family.breed(1, 1, mutation)["born"]
        away = torch.stack([family.all[one["number"]].point - family.all[1].point for one in born])
        return float((away / family.generator.samples(1000).std(0)).std())

    assert strength(0.0) == 0
    assert strength(0.5) == pytest.approx(0.5, rel=0.15) and strength(1.0) == pytest.approx(1.0, rel=0.15)


@pytest.fixture
def page(family: Family, browser: Browser) -> Iterator[Browser]:
    browser.complaints.clear()
    with PageServer({"breed": family}) as server:
        browser.open(server.guard.address)
        yield browser
        complaints = list(browser.complaints)
        browser.call("Page.navigate", url="about:blank")
        browser.until("location.href === 'about:blank'")
    assert not complaints, complaints


def test_two_are_chosen_bred_and_a_child_of_a_child_is_kept(page: Browser, family: Family, tmp_path: Path) -> None:
    def click(number: int, shift: bool = False) -> None:
        script = f"document.querySelector('#family [data-number=\"{number}\"]')"
        page.evaluate(f"{script}.dispatchEvent(new MouseEvent('click', {{ shiftKey: {str(shift).lower()} }}))")

    def breed() -> None:
        count = len(family.all)
        page.evaluate("document.querySelector('#breed button').click()")
        page.until(f"document.querySelectorAll('#family figure').length === {count + CHILDREN}")

    click(2, shift=True)
    breed()
    assert family.all[3].parents == (0, 2)
    click(5)
    breed()
    assert family.all[-1].parents == (5, 2) and family.all[-1].mutation == 0.2
    last = len(family.all) - 1
    page.evaluate("window.prompt = () => 'grandchild'")
    page.evaluate(f"document.querySelector('#family [data-number=\"{last}\"]').focus()")
    lineage = page.evaluate("document.getElementById('lineage').textContent")
    assert lineage.startswith(f"no. {last}: (rose × moss) × moss\n") and "mutation 0.2" in lineage
    page.press("k")
    page.until("document.getElementById('lineage').textContent.startsWith('kept as grandchild.npz')")
    kept = vectors.read(tmp_path / "installation" / "vectors" / "grandchild.npz").w
    assert kept is not None and kept.equal(family.all[last].point)
    assert page.evaluate("[...document.images].filter((one) => one.complete && one.naturalWidth === 32).length") > 2


def test_whoever_is_pointed_at_leads_the_show_and_is_known_by_one_number_for_ever(family, browser, wait_for) -> None:
    desk = Desk(Osc(port=0), {name: Knob(name, 0, 9999) for name in (bred.WHICH, bred.TO)}, ())
    desk.start()
    family.model, family.door = "bloom", Door(("127.0.0.1", desk.port))
    told: list[tuple[str, str, float]] = []

    def said(verb: str) -> bool:
        told.extend((one.verb, one.name, one.value) for one in desk.poll(0.0))
        return [name for done, name, _ in told if done == verb][-2:] == [bred.WHICH, bred.TO]

    with closing(desk), PageServer({"breed": family}) as server:
        browser.open(server.guard.address)
        for number, known_as in ((2, 1), (1, 2), (2, 1)):
            browser.evaluate(f"document.querySelector('#family [data-number=\"{number}\"] button').click()")
            browser.until(f"!!document.querySelector('#family [data-number=\"{number}\"][data-wall]')")
            assert len(browser.evaluate("[...document.querySelectorAll('#family [data-wall]')].map(() => 1)")) == 1
            wait_for(lambda: said("knob"))
            assert told[-2:] == [("knob", bred.WHICH, known_as), ("knob", bred.TO, 1.0)]
            told.clear()
        browser.evaluate("document.getElementById('release').click()")
        wait_for(lambda: said("release"))
        browser.call("Page.navigate", url="about:blank")
        browser.until("location.href === 'about:blank'")
    folder = bred.folder_of("bloom")
    assert sorted(path.name for path in folder.iterdir()) == ["00001.npz", "00002.npz"]
    assert vectors.read(folder / "00001.npz").w.equal(family.all[2].point)
    assert Family(family.generator, "bloom", {"x": family.all[0].point}, door=family.door).lead(0) == {"shown": 3}


def test_what_is_there_is_not_replaced_and_nobody_is_not_kept(family: Family) -> None:
    family.keep(0, "rose")
    with pytest.raises(ValueError, match="there already"):
        family.keep(1, "rose")
    with pytest.raises(ValueError, match="no file's name"):
        family.keep(1, "../rose")
    with pytest.raises(KeyError):
        family.keep(99, "nobody")
    assert set(ZONES) == set(SECTIONS)


@pytest.mark.parametrize(
    "body",
    ['{"first": 0, "second": 99, "mutation": 0}', '{"first": 0, "second": 1, "mutation": 9}', '{"first": true}', "[]"],
)
def test_parents_that_are_not_there_and_wishes_that_cannot_be_are_refused(family: Family, body: str) -> None:
    import http.client

    with PageServer({"breed": family}) as server:
        port = server.guard.port
        headers = {"Cookie": server.guard.cookie.partition(";")[0], "Origin": f"http://127.0.0.1:{port}"}
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        link.request("POST", "/breed/children", body, headers | {"Content-Type": "application/json"})
        assert link.getresponse().status in (400, 404)
    assert len(family.all) == 3

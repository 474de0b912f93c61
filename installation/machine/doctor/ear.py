"""The default sound input in, half a second of it heard, its loudest sample out as JSON; a process of its own.

PortAudio may hang, print or crash, and its list of devices is frozen once it is loaded. Nothing that is heard is kept.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

from installation.machine.doctor.finding import ask

HEARD_S = 0.5


@dataclass(frozen=True)
class Heard:
    """names of the inputs, "INDEX NAME"; the default one's; peak 0..1 of it; error says why nothing was heard."""

    names: tuple[str, ...] = ()
    name: str = ""
    peak: float = 0.0
    error: str = ""


def listen() -> Heard:
    """What the show would hear by default. Takes half a second, and 15 s at most."""
    answer = ask(sys.executable, "-m", "installation.machine.doctor.ear", timeout_s=15)
    if answer is None:
        return Heard(error="the sound system does not answer")
    try:
        told = json.loads(answer.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        said = answer.stderr.strip().splitlines()
        return Heard(error=said[-1] if said else f"its process ended with code {answer.returncode}")
    return Heard(tuple(told["names"]), told["name"], told["peak"], told["error"])


def main() -> None:
    import sounddevice

    names = [f"{i} {d['name']}" for i, d in enumerate(sounddevice.query_devices()) if d["max_input_channels"] > 0]
    name, peak, error = "", 0.0, ""
    try:
        about = sounddevice.query_devices(None, "input")
        name, rate_hz = about["name"], int(about["default_samplerate"])
        asked = {"samplerate": rate_hz, "channels": min(2, about["max_input_channels"]), "dtype": "float32"}
        with sounddevice.InputStream(**asked) as stream:
            peak = float(abs(stream.read(int(HEARD_S * rate_hz))[0]).max())
    except (ValueError, sounddevice.PortAudioError) as failure:
        error = str(failure)
    print(json.dumps(asdict(Heard(tuple(names), name, peak, error))))


if __name__ == "__main__":
    main()

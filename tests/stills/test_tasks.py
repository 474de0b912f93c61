"""What a worker does before a stage begins."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("order", ["import torch; {}", "{}; import torch"], ids=["torch is there", "torch comes later"])
def test_a_worker_uses_as_many_threads_as_the_job_says(order: str) -> None:
    use = "from installation.stills import tasks; tasks._use_threads(3)"
    program = f"{order.format(use)}; import cv2; print(torch.get_num_threads(), cv2.getNumThreads())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "3"]


def test_a_worker_whose_stages_need_no_network_loads_none() -> None:
    program = (
        "import sys; from installation.stills import sources, tasks; from installation.stages import clean, print_file;"
        "tasks._use_threads(1); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

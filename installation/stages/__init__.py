"""Stills in, stills out: each module is one step of the print chain, from maps of interest to the print file.

A stage is a module with a frozen `Settings` dataclass and `create(settings) -> Stage` (stages/work.py). It may have

    EFFORTS = {"proof": {...}, "draft": {...}, "print": {...}}   settings that the effort changes
    NEEDS = {"cpu": 1, "gpu": 1}                                 what one run of it takes, for sharing out a batch

What the job says reaches every stage that has a setting of that name: `size` (pixels of the print, width and height),
`working_size` (pixels that are composed and coloured), `dpi`, `styles`, `variants`.
"""

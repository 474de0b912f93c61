"""Stills in, stills out: each module is one step of the print chain, from maps of interest to the print file.

A stage is a module with a frozen `Settings` dataclass and `create(settings) -> Stage` (stages/work.py). It may have

    EFFORTS = {"proof": {...}, "draft": {...}, "print": {...}}   settings that the effort changes
    KINDS = {"moment": {...}}                                    settings for moments, or pictures, or references
    NEEDS = {"gpu": 0.25}                                        the share of a GPU that one run of it takes, where a
                                                                 cluster has GPUs

What the job says reaches every stage that has a setting of that name: `size` (pixels of the print, width and height),
`working_size` (pixels that are composed and coloured), `dpi`, `styles`, `variants`.
"""

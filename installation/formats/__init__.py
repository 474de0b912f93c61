"""A model file of somebody else's in; tensors under our names, and what the network's card must say, out.

One module a format. Each says whether a file is of its kind, by what lies in it and never by its name, and rewrites it:

    recognise(opened: Opened) -> str | None     one line that says what the file is; None when it is another format
    convert(opened: Opened) -> Converted        raises WeightsError, one line, for what cannot be played here

A module that has `convert` is a format; nothing else has to know of it. No file is ever run: networks.reading hands
over plain values, tensors and Records.
"""

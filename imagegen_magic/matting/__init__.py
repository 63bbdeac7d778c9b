"""The cut-out engine: arrays in, arrays out. `cutout.py` is the call over it."""

from imagegen_magic.facts.packages import need_package

need_package("cv2")  # a distribution of OpenCV that was uninstalled leaves a folder that imports, and is empty

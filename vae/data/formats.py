"""File formats that are recognised but not read, and what the user can do instead."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from vae.errors import InputError

Wanted = Literal["images", "mu"]  # the contents that a file should have

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"))
_HDF5 = (".h5", ".hdf5", ".he5")
_PICKLES = (".pt", ".pth", ".pt2", ".ckpt", ".pkl", ".pickle", ".joblib")
_TABLES = (".csv", ".tsv", ".parquet")
_SHEETS = (".xlsx", ".xls", ".ods")
_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_OTHERS = {"images": _TABLES, "mu": (".npy", ".zip")}


def is_foreign(name: str, wanted: Wanted) -> bool:
    """Whether the ending of `name` is of a format that `advice` names and that is not read for `wanted`."""
    endings = (*_HDF5, *_PICKLES, *_SHEETS, *_ARCHIVES, ".mat", *_OTHERS[wanted])
    return PurePath(name).suffix.lower() in endings


def refuse_foreign(name: str, wanted: Wanted) -> None:
    """`InputError` for a file of a format that is recognised but not read."""
    if is_foreign(name, wanted):
        raise InputError(advice(name, wanted))


def advice(name: str, wanted: Wanted) -> str:
    """The message for a file called `name` that holds no images (`wanted` "images") or latents ("mu")."""
    shown = name if len(name) <= 60 else f"…{name[-59:]}"
    return f"{shown} {_advice(PurePath(name).suffix.lower(), wanted)}."


def _advice(ending: str, wanted: Wanted) -> str:
    write = f"numpy.savez('new.npz', {wanted}="
    if ending in _HDF5:
        return f"is an HDF5 file, which is not read here; write it anew with {write}h5py.File(path)['{wanted}'][:])"
    if ending in _PICKLES:
        model = "" if wanted == "images" else "; of a model, give the .safetensors file that `python -m vae train` made"
        return f"is a pickle, which could run code and is never opened; write {write}tensor.numpy()){model}"
    if ending in _TABLES and wanted == "images":
        return f"is a table, not a file of images; write its pixels with {write}table.reshape(-1, 28, 28), labels=...)"
    if ending in _SHEETS:
        return "is a spreadsheet, which is not read here; save it as .csv" if wanted == "mu" else (
            f"is a spreadsheet, not a file of images; write its pixels with {write}table.reshape(-1, 28, 28))"
        )  # fmt: skip
    if ending in _ARCHIVES:
        return "is an archive of a kind that is not read here; unpack it, or pack it anew as .zip"
    if ending == ".mat":
        return (
            f"is a MATLAB file, which is not read here; write it anew with {write}scipy.io.loadmat(path)['{wanted}'])"
        )
    if ending in PICTURES and wanted == "images":
        return "is one picture; give a folder of pictures, in which every class has a folder of its own"
    if wanted == "images":
        return "is neither an .npz, .npy nor .zip file, nor a folder of pictures; give one of these"
    if ending == ".npy":
        return f"is an .npy file of one array; write {write}numpy.load(path))"
    return "holds no latents; give an .npz, .csv, .tsv or .parquet file"

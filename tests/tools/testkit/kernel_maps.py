"""What is in the BPF maps of one agent: of its own descriptors alone, whatever else is loaded on the host."""

import ctypes
import os
import platform
import struct
from pathlib import Path

_CALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]
_LOOK_UP, _UPDATE, _NEXT_KEY, _FD_BY_ID, _INFO = 1, 2, 4, 14, 15  # enum bpf_cmd
_HASHES = (1, 9)                         # enum bpf_map_type: hash and LRU hash
_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, attributes):
    """The call's result, or -1 at the end of a map (ENOENT)."""
    block = ctypes.create_string_buffer(attributes, 128)
    done = _libc.syscall(_CALL, command, block, len(block))
    if done < 0 and ctypes.get_errno() != 2:
        raise OSError(ctypes.get_errno(), f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return done


def _ids(pid):
    """Of the maps that a process holds open."""
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            found |= {int(line.split()[1]) for line in entry.read_text().splitlines() if line.startswith("map_id:")}
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def _about(fd):
    """(type, size of a key, name)"""
    info = ctypes.create_string_buffer(128)
    _bpf(_INFO, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
    kind, _, key = struct.unpack_from("III", info)
    return kind, key, info.raw[24:40].split(b"\0")[0].decode()


def _count(fd, key_size):
    """By going from key to key. A map that changes meanwhile may be gone through twice."""
    key, following, count = None, ctypes.create_string_buffer(key_size), 0
    while _bpf(_NEXT_KEY, struct.pack("IIQQ", fd, 0, ctypes.addressof(key) if key else 0, ctypes.addressof(following))) == 0:
        key, count = ctypes.create_string_buffer(following.raw, key_size), count + 1
    return count


def entries(loader_pid):
    """How many entries each hash map has, by name. The marks of selected processes are none: an array with a byte for each
    possible pid, where the mark of one that has ended stays until its pid is used again, and is then overwritten."""
    found = {}
    for number in _ids(loader_pid):
        fd = _bpf(_FD_BY_ID, struct.pack("I", number))
        if fd < 0:
            continue  # gone meanwhile
        try:
            kind, key, name = _about(fd)
            if kind in _HASHES:
                found[name] = _count(fd, key)
        finally:
            os.close(fd)
    return found


_SETTINGS = struct.Struct("6I")  # struct tg_settings of bpf/abi/selection.h
_CAPTURE_AT = 3                  # its capture_bytes


def set_capture(loader_pid, wanted):
    """What the loader does when the worker asks it to capture `wanted` bytes of each head; returns what it was."""
    for number in _ids(loader_pid):
        fd = _bpf(_FD_BY_ID, struct.pack("I", number))
        try:
            if _about(fd)[2] != "tg_settings":
                continue
            key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(_SETTINGS.size)
            element = struct.pack("IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
            _bpf(_LOOK_UP, element)
            fields = list(_SETTINGS.unpack(value.raw))
            before, fields[_CAPTURE_AT] = fields[_CAPTURE_AT], wanted
            ctypes.memmove(value, _SETTINGS.pack(*fields), _SETTINGS.size)
            _bpf(_UPDATE, element)
            return before
        finally:
            os.close(fd)
    raise AssertionError(f"process {loader_pid} has no map tg_settings")

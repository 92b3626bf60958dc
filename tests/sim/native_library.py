"""The C utilities and the UART model as Python calls. Bytes are handed over so that they end where the memory ends."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_bool, c_char_p, c_size_t, c_uint, c_uint8, c_uint32, c_uint64, c_void_p

U64 = ctypes.POINTER(c_uint64)


class Counters(ctypes.Structure):
    """struct uart16550_counters."""

    _fields_ = [(name, c_uint64) for name in ("received", "overruns", "damaged", "sent", "tx_lost", "host_lost")]


class Error(ctypes.Structure):
    """struct error."""

    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 320)]


class Text(ctypes.Structure):
    """struct text."""

    _fields_ = [("data", c_void_p), ("capacity", c_size_t), ("length", c_size_t), ("truncated", c_bool)]


def declare(library: ctypes.CDLL) -> None:
    """Argument and result types; without them ctypes would cut pointers."""
    kinds: dict[str, tuple[object, list[object]]] = {
        "test_bytes_at_edge": (c_void_p, [c_char_p, c_size_t]),
        "test_free_edge": (None, [c_void_p, c_size_t]),
        "test_text_micro": (c_size_t, [c_void_p, c_size_t, c_uint64, c_uint]),
        "test_text_string": (c_size_t, [c_void_p, c_size_t, c_char_p, ctypes.POINTER(c_bool)]),
        "text_init": (None, [ctypes.POINTER(Text), c_void_p, c_size_t]),
        "number_u64": (c_bool, [c_void_p, c_size_t, U64]),
        "number_micro": (c_bool, [c_void_p, c_size_t, U64]),
        "number_hex": (c_uint64, [c_void_p, c_size_t]),
        "number_read": (c_uint64, [c_void_p, c_size_t, c_uint]),
        "utf8_length": (c_size_t, [c_uint8]),
        "utf8_incomplete_tail": (c_size_t, [c_void_p, c_size_t]),
        "utf8_decode": (c_size_t, [c_void_p, c_size_t, ctypes.POINTER(c_uint32)]),
        "utf8_encode": (c_size_t, [c_uint32, c_char_p]),
        "utf8_mask_controls": (c_size_t, [c_char_p, c_size_t]),
        "utf8_valid": (c_bool, [c_void_p, c_size_t]),
        "utf8_columns": (c_uint, [c_uint32]),
        "test_uart": (c_void_p, [c_bool, c_uint32, c_uint64]),
        "test_uart_free": (None, [c_void_p]),
        "test_uart_counters": (ctypes.POINTER(Counters), [c_void_p]),
        "uart16550_room": (c_size_t, [c_void_p]),
        "uart16550_from_host": (None, [c_void_p, c_uint8, c_uint64]),
        "uart16550_break_from_host": (None, [c_void_p, c_uint64]),
        "uart16550_to_host": (c_bool, [c_void_p, c_uint64, ctypes.POINTER(c_uint8)]),
        "uart16550_set_peer": (None, [c_void_p, c_bool]),
        "uart16550_read": (c_uint8, [c_void_p, c_uint, c_uint64]),
        "uart16550_write": (None, [c_void_p, c_uint, c_uint8, c_uint64]),
        "uart16550_next_ns": (c_uint64, [c_void_p]),
        "uart16550_has_data": (c_bool, [c_void_p, c_uint64]),
        "uart16550_sending": (c_bool, [c_void_p]),
        "uart16550_quiet": (c_bool, [c_void_p, c_uint64]),
    }
    for name, (result, arguments) in kinds.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


@contextmanager
def at_edge(library: ctypes.CDLL, data: bytes) -> Iterator[int]:
    """The address of a copy after which nothing can be read."""
    address = library.test_bytes_at_edge(data, len(data))
    try:
        yield address
    finally:
        library.test_free_edge(address, len(data))


class Uart:
    """One modelled 16550; times are nanoseconds."""

    def __init__(
        self, library: ctypes.CDLL, *, plain: bool = False, host_baud: int = 115200, latency_ns: int = 0
    ) -> None:
        self._library = library
        self._uart = library.test_uart(plain, host_baud, latency_ns)

    def close(self) -> None:
        """Frees it."""
        self._library.test_uart_free(self._uart)

    def send(self, data: bytes, left_ns: int) -> None:
        """Bytes leave the host."""
        for byte in data:
            self._library.uart16550_from_host(self._uart, byte, left_ns)

    def send_break(self, left_ns: int) -> None:
        """A break leaves the host."""
        self._library.uart16550_break_from_host(self._uart, left_ns)

    def at_host(self, now_ns: int) -> bytes:
        """What has reached the host and was not taken before."""
        byte, found = c_uint8(), bytearray()
        while self._library.uart16550_to_host(self._uart, now_ns, ctypes.byref(byte)):
            found.append(byte.value)
        return bytes(found)

    def read(self, reg: int, now_ns: int) -> int:
        """The kernel reads a register."""
        return int(self._library.uart16550_read(self._uart, reg, now_ns))

    def write(self, reg: int, value: int, now_ns: int) -> None:
        """The kernel writes a register."""
        self._library.uart16550_write(self._uart, reg, value, now_ns)

    def drain(self, now_ns: int) -> bytes:
        """One poll of the kernel: everything that the receiver holds."""
        found = bytearray()
        while self.read(5, now_ns) & 1:
            found.append(self.read(0, now_ns))
        return bytes(found)

    def set_divisor(self, divisor: int, now_ns: int) -> None:
        """As a driver does it."""
        control = self.read(3, now_ns)
        self.write(3, control | 0x80, now_ns)
        self.write(0, divisor & 0xFF, now_ns)
        self.write(1, divisor >> 8, now_ns)
        self.write(3, control, now_ns)

    def peer(self, present: bool) -> None:
        """Somebody comes to or leaves the other end."""
        self._library.uart16550_set_peer(self._uart, present)

    @property
    def next_ns(self) -> int:
        """When it next changes on its own."""
        return int(self._library.uart16550_next_ns(self._uart))

    @property
    def room(self) -> int:
        """Bytes the host may send now."""
        return int(self._library.uart16550_room(self._uart))

    def quiet(self, now_ns: int) -> bool:
        """Nothing is under way."""
        return bool(self._library.uart16550_quiet(self._uart, now_ns))

    @property
    def counters(self) -> Counters:
        """Its counters now."""
        counters: Counters = self._library.test_uart_counters(self._uart).contents
        return counters

"""The machines behind a line: QEMU and the simulator, controlled beside it."""

"""What files tell of a kernel: dumps, logs, serial logs, also of an earlier one."""

/* repl.h - the loop of the kernel: a line comes from a person or from a console, and is answered. */
#ifndef LLMK_REPL_H
#define LLMK_REPL_H

struct kernel;

/* Runs until quit, exit, /reboot or /poweroff; returns the exit status of a port that can exit. */
int repl_run(struct kernel *kernel);

#endif

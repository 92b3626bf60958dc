/* port_uefi.h - what the files of the UEFI port share. */
#ifndef LLMK_PORT_UEFI_H
#define LLMK_PORT_UEFI_H

#include "uefi.h"

extern efi_handle uefi_image;
extern struct efi_system_table *uefi;

void serial_open(void);     /* takes COM1 away from the firmware */
void serial_close(void);    /* gives it back */
void screen_open(void);
void processor_open(void);  /* switches vector state on */
void clock_calibrate(void); /* at most 120 ms */
void idle_open(void);       /* after clock_calibrate */
void files_open(void);
void workers_open(void);  /* finds the other processors, touches none */
void workers_rest(void);  /* lets them go back to the firmware when there was no work for a while */
void workers_close(void); /* lets them go and waits for it, at most a second */
/* The person has left the REPL: asks what to do next. Returns when that is the firmware. */
void power_after_the_end(void);

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

#endif

/* port_uefi.h - what the files of the UEFI port share. */
#ifndef LLMK_PORT_UEFI_H
#define LLMK_PORT_UEFI_H

#include "uefi.h"

extern efi_handle uefi_image;
extern struct efi_system_table *uefi;

void serial_open(void);
void files_open(void);
void screen_open(void);
void processor_open(void);  /* switches vector state on */
void clock_calibrate(void); /* about 50 ms */

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

static inline bool guid_equal(const struct efi_guid *a, const struct efi_guid *b)
{
    const uint8_t *left = (const uint8_t *)a, *right = (const uint8_t *)b;
    for (size_t i = 0; i < sizeof *a; i++)
        if (left[i] != right[i])
            return false;
    return true;
}

#endif

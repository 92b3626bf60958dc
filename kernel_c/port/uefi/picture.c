/* picture.c - the pixels of the machine's own screen, by the firmware's graphics output protocol. */
#include "port.h"
#include "port_uefi.h"

#define MOST_WIDTH 4096u
#define VIDEO_TO_BUFFER 1u

struct efi_pixel {
    uint8_t blue, green, red, reserved;
};

struct efi_graphics_info {
    uint32_t version, width, height; /* more follows, of no use here */
};

struct efi_graphics_mode {
    uint32_t modes, mode;
    struct efi_graphics_info *info;
};

struct efi_graphics_output {
    void *query_mode, *set_mode;
    efi_status (*blt)(struct efi_graphics_output *self, struct efi_pixel *buffer, uint32_t operation, size_t source_x,
                      size_t source_y, size_t to_x, size_t to_y, size_t width, size_t height, size_t delta);
    struct efi_graphics_mode *mode;
};

static const struct efi_guid graphics_guid = {
    0x9042a9de, 0x23dc, 0x4a38, {0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a}};

static struct efi_graphics_output *graphics(void)
{
    void *found = NULL;
    if (uefi->boot->locate_protocol(&graphics_guid, NULL, &found) != EFI_SUCCESS)
        return NULL;
    struct efi_graphics_output *output = found;
    return output != NULL && output->mode != NULL && output->mode->info != NULL ? output : NULL;
}

bool port_screen_size(uint32_t *ret_width, uint32_t *ret_height)
{
    struct efi_graphics_output *output = graphics();
    if (output == NULL || output->mode->info->width > MOST_WIDTH)
        return false;
    *ret_width = output->mode->info->width;
    *ret_height = output->mode->info->height;
    return true;
}

bool port_screen_row(uint32_t y, uint32_t width, uint8_t *rgb)
{
    static struct efi_pixel row[MOST_WIDTH];
    struct efi_graphics_output *output = graphics();
    if (output == NULL || width > output->mode->info->width || y >= output->mode->info->height ||
        output->blt(output, row, VIDEO_TO_BUFFER, 0, y, 0, 0, width, 1, 0) != EFI_SUCCESS)
        return false;
    for (uint32_t x = 0; x < width; x++) {
        *rgb++ = row[x].red;
        *rgb++ = row[x].green;
        *rgb++ = row[x].blue;
    }
    return true;
}

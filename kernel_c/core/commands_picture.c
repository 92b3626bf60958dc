/* commands_picture.c - the machine's own screen as a picture on the volume: a portable pixmap (P6, as Netpbm has it). */
#include "commands.h"
#include "files.h"
#include "kernel.h"
#include "port.h"

#define PICTURE_EDGE 16384u
#define NAME_BYTES 63u

static bool ends_in_ppm(const char *name, size_t length)
{
    static const char ending[] = ".ppm";
    if (length <= sizeof ending - 1)
        return false;
    for (size_t i = 0; i < sizeof ending - 1; i++) {
        char c = name[length - (sizeof ending - 1) + i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != ending[i])
            return false;
    }
    return true;
}

/* Only pictures, only in the volume's root: no boot file, model or tokenizer can be meant. */
static bool check_name(const char *name, size_t length, struct error *error)
{
    int shown = (int)(length > 40 ? 40 : length);
    if (length > NAME_BYTES)
        return error_set(error, ERROR_TOOLONG, "the file name has %zu bytes; at most %u are accepted", length, NAME_BYTES);
    if (!ends_in_ppm(name, length))
        return error_set(error, ERROR_ARG, "\"%.*s\" cannot be written: expected a name that ends in .ppm", shown, name);
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && (c != '.' || i == 0))
            return error_set(error, ERROR_ARG, "\"%.*s\" cannot be written: expected letters, digits, - and _ before .ppm",
                             shown, name);
    }
    return true;
}

static bool write_picture(const char *name, uint32_t width, uint32_t height, struct text *out, struct error *error)
{
    char head[40];
    struct text text;
    text_init(&text, head, sizeof head);
    text_format(&text, "P6\n%u %u\n255\n", (unsigned)width, (unsigned)height);
    uint64_t bytes = text.length + (uint64_t)width * height * 3;
    uint8_t *picture = port_pages_alloc(bytes);
    if (picture == NULL)
        return error_set(error, ERROR_NOSPACE, "a picture of %u x %u needs %llu bytes of memory, which are not free",
                         (unsigned)width, (unsigned)height, (unsigned long long)bytes);
    __builtin_memcpy(picture, head, text.length);
    bool read = true;
    for (uint32_t y = 0; y < height && read; y++)
        read = port_screen_row(y, width, picture + text.length + (uint64_t)y * width * 3);
    bool written = read ? file_write_whole(name, picture, bytes, error)
                        : error_set(error, ERROR_IO, "the screen of %u x %u could not be read", (unsigned)width,
                                    (unsigned)height);
    port_pages_free(picture, bytes);
    if (written)
        text_format(out, "wrote %s, %u x %u, %llu bytes\n", name, (unsigned)width, (unsigned)height,
                    (unsigned long long)bytes);
    return written;
}

static bool run_save_img(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    uint32_t width = 0, height = 0;
    (void)kernel;
    command_split(rest, length, &arguments);
    if (arguments.count == 0)
        return error_set(error, ERROR_ARG, "/save_img needs a file name, as in /save_img screen.ppm");
    if (!command_at_most(&arguments, 1, "/save_img", error) ||
        !check_name(arguments.words[0], arguments.lengths[0], error))
        return false;
    port_screen_flush();
    if (!port_screen_size(&width, &height) || width == 0 || height == 0 || width > PICTURE_EDGE || height > PICTURE_EDGE)
        return error_set(error, ERROR_STATE, "this machine has no framebuffer to take a picture of");
    char name[NAME_BYTES + 1];
    __builtin_memcpy(name, arguments.words[0], arguments.lengths[0]);
    name[arguments.lengths[0]] = '\0';
    return write_picture(name, width, height, out, error);
}

const struct command commands_picture[] = {
    {"/save_img", "FILE.ppm", "writes what the machine's own screen shows as a picture", run_save_img},
    {0},
};

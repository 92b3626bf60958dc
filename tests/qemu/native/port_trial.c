/* port_trial.c - a kernel_main that asks every function of the UEFI port for what port.h promises.
 *
 * At boot it says "NAME ok" or "NAME failed: WHY" for every check and then "ready". After that one byte from the line
 * is one command: g counts bytes up to a line end while it looks at the line rarely, k shows keys, s draws on the
 * screen, q returns.
 */
#include "port.h"
#include "text.h"

#define MIB (1u << 20)
#define BIG (3 * MIB + 1)
#define RARELY_US 30000u
#define QUIET_LOOKS 400u /* of 30 ms without a byte: its end was lost */

static void send_line(const char *string)
{
    for (; *string != '\0'; string++) {
        while (!(port_uart_read(5) & 0x20))
            port_relax(10);
        port_uart_write(0, (uint8_t)*string);
    }
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    char line[200];
    struct text text;
    va_list list;
    text_init(&text, line, sizeof line);
    va_start(list, format);
    text_format_list(&text, format, list);
    va_end(list);
    text_string(&text, "\r\n");
    send_line(line);
}

static void expect(const char *name, bool good, uint64_t got)
{
    if (good)
        say("%s ok", name);
    else
        say("%s failed: got %llu", name, (unsigned long long)got);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void try_memory(void)
{
    uint64_t before = port_pages_free_total();
    uint8_t *big = port_pages_alloc(5 * MIB + 1);
    expect("big pages lie on 2 MiB", big != NULL && (uintptr_t)big % (2 * MIB) == 0, (uintptr_t)big);
    expect("big pages are zero", big != NULL && is_zero(big, 5 * MIB + 4096), 0);
    uint64_t taken = before - port_pages_free_total();
    expect("exactly the pages are taken", taken >= 5 * MIB + 4096 && taken < 5 * MIB + 256 * 1024, taken);
    uint8_t *small = port_pages_alloc(1);
    expect("a small page lies on 4 KiB", small != NULL && (uintptr_t)small % 4096 == 0, (uintptr_t)small);
    __builtin_memset(big, 0xaa, 5 * MIB);
    __builtin_memset(small, 0xaa, 4096);
    port_pages_free(small, 1);
    port_pages_free(big, 5 * MIB + 1);
    uint64_t lost = before - port_pages_free_total();
    expect("freed pages come back", lost < 256 * 1024, lost);
    small = port_pages_alloc(4096);
    expect("used pages are zeroed again", small != NULL && is_zero(small, 4096), 0);
    port_pages_free(small, 4096);
    expect("more than there is is refused", port_pages_alloc(UINT64_C(1) << 40) == NULL, 0);
    expect("absurd sizes are refused", port_pages_alloc(UINT64_MAX) == NULL && port_pages_alloc(0) == NULL, 0);
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static enum port_file_status open_status(const char *name)
{
    struct port_file *file;
    uint64_t bytes;
    enum port_file_status status = port_file_open(name, &file, &bytes);
    if (status == PORT_FILE_OK)
        port_file_close(file);
    return status;
}

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 7 + (at >> 8) + (at >> 16) * 3);
}

/* Whether a file has exactly the first `bytes` bytes of the pattern, read in pieces that cross the port's own. */
static bool has_pattern(const char *name, uint64_t bytes, uint8_t *buffer)
{
    struct port_file *file;
    uint64_t size;
    if (port_file_open(name, &file, &size) != PORT_FILE_OK)
        return false;
    bool good = size == bytes;
    for (uint64_t at = 0; at < bytes && good; at += MIB + 5) {
        uint64_t count = bytes - at < MIB + 5 ? bytes - at : MIB + 5;
        good = port_file_read(file, at, buffer, count) == PORT_FILE_OK;
        for (uint64_t i = 0; i < count && good; i++)
            good = buffer[i] == pattern(at + i);
    }
    good = good && port_file_read(file, bytes, buffer, 1) == PORT_FILE_IO;
    good = good && port_file_read(file, 0, buffer, bytes + 1) == PORT_FILE_IO;
    port_file_close(file);
    return good;
}

struct listing {
    unsigned files, kernels, trials, others;
};

static bool count_file(void *context, const char *name, uint64_t bytes)
{
    struct listing *listing = context;
    listing->files++;
    listing->kernels += string_equal(name, "BOOTX64.EFI") && bytes > 0;
    listing->trials += string_equal(name, "trial.dat");
    listing->others += string_starts(name, "trial.dat.");
    return true;
}

static bool stop_at_once(void *context, const char *name, uint64_t bytes)
{
    (void)name;
    (void)bytes;
    ++*(unsigned *)context;
    return false;
}

static void try_names(void)
{
    static const char *const bad[] = {
        "", "/trial.dat", "../trial.dat", "EFI/../trial.dat", "a\\b", "fs0:x", "caf\xc3\xa9", "a\nb",
    };
    bool all = true;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        all = all && open_status(bad[i]) == PORT_FILE_BAD_NAME;
    expect("names that leave the volume are refused", all, 0);
    enum port_file_status status = open_status("nothing.dat");
    expect("a missing file is not found", status == PORT_FILE_NOT_FOUND, status);
    status = open_status("EFI");
    expect("a folder is no file", status == PORT_FILE_NOT_FOUND, status);
    status = open_status("efi/boot/bootx64.efi");
    expect("case does not matter", status == PORT_FILE_OK, status);
}

static void try_writing(uint8_t *data, uint8_t *buffer)
{
    enum port_file_status status = port_file_write("trial.dat", data, BIG);
    expect("a file is written", status == PORT_FILE_OK, status);
    expect("and read back", has_pattern("trial.dat", BIG, buffer), 0);
    status = port_file_write("trial.dat", data, 700);
    expect("a shorter one replaces it", status == PORT_FILE_OK && has_pattern("trial.dat", 700, buffer), status);
    status = port_file_write("trial.dat", data, 48 * MIB);
    expect("a full volume is said", status == PORT_FILE_FULL, status);
    expect("and the old file stays", has_pattern("trial.dat", 700, buffer), 0);
    status = port_file_write("trial2.dat", data, 0);
    expect("an empty file is a file", status == PORT_FILE_OK && has_pattern("trial2.dat", 0, buffer), status);
    status = port_file_write("EFI/trial3.dat", data, 10);
    status = status == PORT_FILE_OK ? port_file_write("EFI/trial3.dat", data, 2000) : status;
    bool replaced = status == PORT_FILE_OK && has_pattern("EFI/trial3.dat", 2000, buffer);
    expect("a file in a folder is replaced", replaced, status);
    status = port_file_write("nowhere/trial.dat", data, 10);
    expect("a missing folder is not made", status == PORT_FILE_NOT_FOUND, status);
}

static void try_listing(void)
{
    struct listing root = {0}, boot = {0}, none = {0};
    unsigned calls = 0;
    enum port_file_status status = port_file_list("", count_file, &root);
    expect("the root is listed", status == PORT_FILE_OK && root.trials == 1, status);
    expect("without what writing needed", root.others == 0, root.others);
    status = port_file_list("EFI/BOOT", count_file, &boot);
    expect("a folder is listed", status == PORT_FILE_OK && boot.files == 1 && boot.kernels == 1, status);
    status = port_file_list("nowhere", count_file, &none);
    expect("a missing folder is not found", status == PORT_FILE_NOT_FOUND && none.files == 0, status);
    status = port_file_list("trial.dat", count_file, &none);
    expect("a file is no folder", status == PORT_FILE_NOT_FOUND && none.files == 0, status);
    status = port_file_list("", stop_at_once, &calls);
    expect("a listing can be stopped", status == PORT_FILE_OK && calls == 1, calls);
}

static void try_files(void)
{
    uint8_t *data = port_pages_alloc(48 * MIB), *buffer = port_pages_alloc(4 * MIB);
    if (data == NULL || buffer == NULL) {
        say("memory for the file checks failed: %llu bytes free", (unsigned long long)port_pages_free_total());
        return;
    }
    for (uint64_t i = 0; i < BIG; i++)
        data[i] = pattern(i);
    try_names();
    try_writing(data, buffer);
    try_listing();
    port_pages_free(data, 48 * MIB);
    port_pages_free(buffer, 4 * MIB);
}

/* ---- clock, waiting, screen ------------------------------------------------------------------------------------- */

static void try_clock(void)
{
    const struct port_clock *clock = port_clock();
    say("clock %s hz=%llu spread=%u time=%llu", clock->source, (unsigned long long)clock->hz,
        (unsigned)clock->spread_ppm, (unsigned long long)port_unix_time());
    expect("the clock has a plausible rate", clock->hz > 100000000u && clock->hz < 20000000000u, clock->hz);
    static const uint32_t waits[] = {0, 50, 200, 1000, 20000};
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        uint64_t begun = port_cycles();
        port_relax(waits[i]);
        uint64_t us = (port_cycles() - begun) / (clock->hz / 1000000u);
        expect("a wait ends", us < 60000000u, us);
    }
}

static void draw(void)
{
    static const char sample[] = "Text, a tab\there, a line\nand back\b\b\b\bBACK, \xc3\xa9 \xe2\x94\x80 \xe6\x9c\xa8 "
                                 "\xf0\x9f\x98\x80 \xff\xc3 \x1b[31m and what is cut: \xe2";
    for (unsigned i = 0; i < 60; i++)
        for (size_t at = 0; at < sizeof sample - 1; at++) /* one byte at a time: characters arrive in pieces */
            port_screen_write(sample + at, 1);
    port_screen_write("\x94\x80\n", 3);
    port_screen_flush();
    say("drawn");
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

static uint8_t receive(void)
{
    while (!(port_uart_read(5) & 1))
        port_relax(1000);
    return port_uart_read(0);
}

/* What the firmware takes away is missing here: it has ample time to. */
static void count_bytes(void)
{
    uint32_t count = 0, sum = 0, quiet = 0;
    uint8_t byte = 0;
    say("counting");
    while (byte != '\n' && (count == 0 || quiet < QUIET_LOOKS)) {
        quiet++;
        for (; port_uart_read(5) & 1; quiet = 0) {
            byte = port_uart_read(0);
            sum = sum * 31 + byte;
            count++;
        }
        uint64_t end = port_cycles() + port_clock()->hz / 1000000u * RARELY_US;
        while (port_cycles() < end) { /* a busy model, not a wait */
        }
    }
    say("counted %u sum %u", (unsigned)count, (unsigned)sum);
}

static void show_keys(void)
{
    say("keys");
    for (int32_t key = 0; key != '\r';) {
        key = port_key_read();
        if (key == PORT_KEY_NONE)
            port_relax(1000);
        else
            say("key %x", (unsigned)key);
    }
}

int kernel_main(const struct kernel_boot *boot)
{
    if (!port_uart_present())
        return 1;
    port_uart_write(2, 0xc7); /* as the driver sets it: FIFO on, DTR and RTS */
    port_uart_write(4, 0x0b);
    say("");
    say("trial on %s (%s)", boot->machine, boot->port_name);
    try_clock();
    try_memory();
    try_files();
    say("ready");
    for (;;) {
        switch (receive()) {
        case 'g':
            count_bytes();
            break;
        case 'k':
            show_keys();
            break;
        case 's':
            draw();
            break;
        case 'q':
            return 0;
        default:
            say("what?");
        }
    }
}

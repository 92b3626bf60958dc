/* uefi.h - the part of the UEFI specification (2.10) that this kernel uses, and nothing else. Names follow the
 * specification's, in this project's spelling. On the x86_64-windows-gnu target every function has the firmware's
 * calling convention. */
#ifndef LLMK_UEFI_H
#define LLMK_UEFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t efi_status;
typedef void *efi_handle;
typedef void *efi_event;
typedef uint16_t efi_char;

#define EFI_ERROR_BIT (1ull << 63)
#define EFI_SUCCESS 0ull
#define EFI_BUFFER_TOO_SMALL (EFI_ERROR_BIT | 5)
#define EFI_WRITE_PROTECTED (EFI_ERROR_BIT | 8)
#define EFI_VOLUME_FULL (EFI_ERROR_BIT | 11)
#define EFI_NO_MEDIA (EFI_ERROR_BIT | 12)
#define EFI_MEDIA_CHANGED (EFI_ERROR_BIT | 13)
#define EFI_NOT_FOUND (EFI_ERROR_BIT | 14)
#define EFI_ACCESS_DENIED (EFI_ERROR_BIT | 15)
#define EFI_INVALID_PARAMETER (EFI_ERROR_BIT | 2)

struct efi_guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

struct efi_table_header {
    uint64_t signature;
    uint32_t revision, header_size, crc32, reserved;
};

struct efi_input_key {
    uint16_t scan_code;
    efi_char unicode;
};

struct efi_text_input {
    efi_status (*reset)(struct efi_text_input *self, bool extended);
    efi_status (*read_key_stroke)(struct efi_text_input *self, struct efi_input_key *ret_key);
    efi_event wait_for_key;
};

struct efi_text_mode {
    int32_t modes, mode, attribute, column, row;
    bool cursor;
};

struct efi_text_output {
    void *reset;
    efi_status (*output_string)(struct efi_text_output *self, const efi_char *string);
    efi_status (*test_string)(struct efi_text_output *self, const efi_char *string);
    efi_status (*query_mode)(struct efi_text_output *self, size_t mode, size_t *ret_columns, size_t *ret_rows);
    efi_status (*set_mode)(struct efi_text_output *self, size_t mode);
    efi_status (*set_attribute)(struct efi_text_output *self, uint64_t attribute);
    efi_status (*clear_screen)(struct efi_text_output *self);
    void *set_cursor_position;
    efi_status (*enable_cursor)(struct efi_text_output *self, bool visible);
    const struct efi_text_mode *mode;
};

struct efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second, pad1;
    uint32_t nanosecond;
    int16_t timezone; /* minutes west of UTC, 0x7ff: unknown */
    uint8_t daylight, pad2;
};

struct efi_runtime_services {
    struct efi_table_header header;
    efi_status (*get_time)(struct efi_time *ret_time, void *ret_capabilities);
    void *set_time, *get_wakeup_time, *set_wakeup_time, *set_virtual_address_map, *convert_pointer;
    void *get_variable, *get_next_variable_name, *set_variable, *get_next_high_monotonic_count;
    void (*reset_system)(uint32_t type, efi_status status, size_t data_bytes, void *data);
};

#define EFI_RESET_COLD 0u
#define EFI_RESET_SHUTDOWN 2u

struct efi_memory_descriptor {
    uint32_t type;
    uint64_t physical_start, virtual_start, pages, attribute;
};

#define EFI_LOADER_DATA 2u
#define EFI_CONVENTIONAL_MEMORY 7u
#define EFI_ALLOCATE_ANY_PAGES 0u
#define EFI_OPEN_EXCLUSIVE 0x20u
#define EFI_BY_PROTOCOL 2u

struct efi_device_path {
    uint8_t type, subtype, length[2];
};

struct efi_boot_services {
    struct efi_table_header header;
    void *raise_tpl, *restore_tpl;
    efi_status (*allocate_pages)(uint32_t how, uint32_t type, size_t pages, uint64_t *address);
    efi_status (*free_pages)(uint64_t address, size_t pages);
    efi_status (*get_memory_map)(size_t *bytes, void *map, size_t *ret_key, size_t *ret_stride, uint32_t *ret_version);
    efi_status (*allocate_pool)(uint32_t type, size_t bytes, void **ret_memory);
    efi_status (*free_pool)(void *memory);
    efi_status (*create_event)(uint32_t type, size_t level, void *notify, void *context, efi_event *ret_event);
    void *set_timer, *wait_for_event, *signal_event, *close_event;
    efi_status (*check_event)(efi_event event);
    void *install_protocol_interface, *reinstall_protocol_interface, *uninstall_protocol_interface;
    efi_status (*handle_protocol)(efi_handle handle, const struct efi_guid *guid, void **ret_interface);
    void *reserved, *register_protocol_notify, *locate_handle, *locate_device_path, *install_configuration_table;
    void *load_image, *start_image;
    efi_status (*exit)(efi_handle image, efi_status status, size_t data_bytes, efi_char *data);
    void *unload_image, *exit_boot_services, *get_next_monotonic_count;
    efi_status (*stall)(size_t microseconds);
    efi_status (*set_watchdog_timer)(size_t seconds, uint64_t code, size_t data_bytes, efi_char *data);
    efi_status (*connect_controller)(efi_handle controller, efi_handle *drivers,
                                     const struct efi_device_path *remaining, bool recursive);
    void *disconnect_controller;
    efi_status (*open_protocol)(efi_handle handle, const struct efi_guid *guid, void **ret_interface, efi_handle agent,
                                efi_handle controller, uint32_t attributes);
    efi_status (*close_protocol)(efi_handle handle, const struct efi_guid *guid, efi_handle agent,
                                 efi_handle controller);
    void *open_protocol_information, *protocols_per_handle;
    efi_status (*locate_handle_buffer)(uint32_t how, const struct efi_guid *guid, void *key, size_t *ret_count,
                                       efi_handle **ret_handles);
    efi_status (*locate_protocol)(const struct efi_guid *guid, void *registration, void **ret_interface);
};

struct efi_configuration_table {
    struct efi_guid guid;
    void *table;
};

struct efi_system_table {
    struct efi_table_header header;
    const efi_char *firmware_vendor;
    uint32_t firmware_revision;
    efi_handle console_in_handle;
    struct efi_text_input *console_in;
    efi_handle console_out_handle;
    struct efi_text_output *console_out;
    efi_handle standard_error_handle;
    struct efi_text_output *standard_error;
    struct efi_runtime_services *runtime;
    struct efi_boot_services *boot;
    size_t table_count;
    const struct efi_configuration_table *tables;
};

struct efi_loaded_image {
    uint32_t revision;
    efi_handle parent;
    struct efi_system_table *system;
    efi_handle device;
};

struct efi_file {
    uint64_t revision;
    efi_status (*open)(struct efi_file *self, struct efi_file **ret_file, const efi_char *name, uint64_t mode,
                       uint64_t attributes);
    efi_status (*close)(struct efi_file *self);
    efi_status (*remove)(struct efi_file *self);
    efi_status (*read)(struct efi_file *self, size_t *bytes, void *to);
    efi_status (*write)(struct efi_file *self, size_t *bytes, const void *from);
    efi_status (*get_position)(struct efi_file *self, uint64_t *ret_position);
    efi_status (*set_position)(struct efi_file *self, uint64_t position);
    efi_status (*get_info)(struct efi_file *self, const struct efi_guid *what, size_t *bytes, void *to);
    efi_status (*set_info)(struct efi_file *self, const struct efi_guid *what, size_t bytes, const void *from);
    efi_status (*flush)(struct efi_file *self);
};

#define EFI_FILE_READ 1ull
#define EFI_FILE_WRITE 2ull
#define EFI_FILE_CREATE (1ull << 63)
#define EFI_FILE_DIRECTORY 0x10ull

struct efi_file_info {
    uint64_t bytes, file_bytes, physical_bytes;
    struct efi_time created, accessed, modified;
    uint64_t attribute;
    efi_char name[256];
};

/* The firmware's periodic interrupt. Source: Platform Initialization specification 1.8, volume 2, 12.10. */
struct efi_timer {
    void *register_handler;
    efi_status (*set_period)(struct efi_timer *self, uint64_t hundreds_of_ns);
    efi_status (*get_period)(struct efi_timer *self, uint64_t *ret_hundreds_of_ns);
    void *generate_soft_interrupt;
};

/* The other processors. Source: the same, 13.4. */
struct efi_processor_information {
    uint64_t id;
    uint32_t status, package, core, thread;
    uint64_t extended[3];
};

#define EFI_PROCESSOR_USABLE 6u /* enabled and healthy */

struct efi_mp_services {
    efi_status (*get_number_of_processors)(struct efi_mp_services *self, size_t *ret_all, size_t *ret_enabled);
    efi_status (*get_processor_info)(struct efi_mp_services *self, size_t number,
                                     struct efi_processor_information *ret_information);
    void *startup_all_aps;
    efi_status (*startup_this_ap)(struct efi_mp_services *self, void (*procedure)(void *argument), size_t number,
                                  efi_event returned, size_t microseconds, void *argument, bool *ret_finished);
    void *switch_bsp, *enable_disable_ap;
    efi_status (*who_am_i)(struct efi_mp_services *self, size_t *ret_number);
};

struct efi_file_system {
    uint64_t revision;
    efi_status (*open_volume)(struct efi_file_system *self, struct efi_file **ret_root);
};

static const struct efi_guid efi_loaded_image_guid = {
    0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b},
};
static const struct efi_guid efi_file_system_guid = {
    0x964e5b22, 0x6459, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b},
};
static const struct efi_guid efi_file_info_guid = {
    0x09576e92, 0x6d3f, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b},
};
static const struct efi_guid efi_serial_io_guid = {
    0xbb25cf6f, 0xf1d4, 0x11d2, {0x9a, 0x0c, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0xfd},
};
static const struct efi_guid efi_device_path_guid = {
    0x09576e91, 0x6d3f, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b},
};
static const struct efi_guid efi_timer_guid = {
    0x26baccb3, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81},
};
static const struct efi_guid efi_mp_services_guid = {
    0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08},
};
static const struct efi_guid efi_acpi_guid = {
    0x8868e871, 0xe4f1, 0x11d3, {0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81},
};

#endif

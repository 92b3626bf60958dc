/* files.c - the volume that the kernel was started from. */
#include "port.h"
#include "port_uefi.h"
#include "text.h"

#define CHUNK (1u << 20) /* some firmware breaks for good on larger reads */
#define NAME 256u

struct port_file {
    struct efi_file *file;
};

static struct efi_file *root;

void files_open(void)
{
    struct efi_loaded_image *image = NULL;
    struct efi_file_system *system = NULL;
    if (uefi->boot->handle_protocol(uefi_image, &efi_loaded_image_guid, (void **)&image) != EFI_SUCCESS ||
        uefi->boot->handle_protocol(image->device, &efi_file_system_guid, (void **)&system) != EFI_SUCCESS ||
        system->open_volume(system, &root) != EFI_SUCCESS)
        root = NULL;
}

static enum port_file_status status_of(efi_status status)
{
    switch (status) {
    case EFI_SUCCESS: return PORT_FILE_OK;
    case EFI_NOT_FOUND: return PORT_FILE_NOT_FOUND;
    case EFI_NO_MEDIA:
    case EFI_MEDIA_CHANGED: return PORT_FILE_NO_VOLUME;
    case EFI_WRITE_PROTECTED:
    case EFI_ACCESS_DENIED: return PORT_FILE_READ_ONLY;
    case EFI_VOLUME_FULL: return PORT_FILE_FULL;
    case EFI_INVALID_PARAMETER: return PORT_FILE_BAD_NAME;
    default: return PORT_FILE_IO;
    }
}

/* ASCII with '/' to the firmware's names; false for what could leave the volume or is too long. */
static bool widen(const char *name, efi_char *wide)
{
    size_t i = 0;
    if (*name == '\0' || *name == '/')
        return false;
    for (; name[i] != '\0' && i + 8 < NAME; i++) {
        if (name[i] < ' ' || name[i] > '~' || name[i] == '\\' || name[i] == ':' || (name[i] == '.' && name[i + 1] == '.'))
            return false;
        wide[i] = name[i] == '/' ? '\\' : (efi_char)name[i];
    }
    wide[i] = 0;
    return name[i] == '\0';
}

static efi_status get_info(struct efi_file *file, struct efi_file_info *info)
{
    size_t bytes = sizeof *info;
    return file->get_info(file, &efi_file_info_guid, &bytes, info);
}

enum port_file_status port_file_open(const char *name, struct port_file **ret_file, uint64_t *ret_bytes)
{
    static struct efi_file_info info; /* half a kilobyte, and never used twice at a time */
    efi_char wide[NAME];
    struct efi_file *file = NULL;
    void *memory = NULL;
    if (root == NULL)
        return PORT_FILE_NO_VOLUME;
    if (!widen(name, wide))
        return PORT_FILE_BAD_NAME;
    efi_status status = root->open(root, &file, wide, EFI_FILE_READ, 0);
    if (status != EFI_SUCCESS)
        return status_of(status);
    if (get_info(file, &info) != EFI_SUCCESS || (info.attribute & EFI_FILE_DIRECTORY) ||
        uefi->boot->allocate_pool(EFI_LOADER_DATA, sizeof(struct port_file), &memory) != EFI_SUCCESS) {
        (void)file->close(file);
        return PORT_FILE_NOT_FOUND;
    }
    *ret_bytes = info.file_bytes;
    *ret_file = memory;
    (*ret_file)->file = file;
    return PORT_FILE_OK;
}

enum port_file_status port_file_read(struct port_file *file, uint64_t offset, void *to, uint64_t bytes)
{
    uint8_t *at = to;
    efi_status status = file->file->set_position(file->file, offset);
    while (status == EFI_SUCCESS && bytes > 0) {
        size_t count = bytes < CHUNK ? (size_t)bytes : CHUNK;
        status = file->file->read(file->file, &count, at);
        if (status == EFI_SUCCESS && count == 0)
            return PORT_FILE_IO; /* the file ends here */
        at += count;
        bytes -= count;
    }
    return status_of(status);
}

void port_file_close(struct port_file *file)
{
    (void)file->file->close(file->file);
    (void)uefi->boot->free_pool(file);
}

static efi_status write_file(const efi_char *name, const uint8_t *data, uint64_t bytes)
{
    struct efi_file *file = NULL;
    if (root->open(root, &file, name, EFI_FILE_READ | EFI_FILE_WRITE, 0) == EFI_SUCCESS)
        (void)file->remove(file); /* closes it too */
    efi_status status = root->open(root, &file, name, EFI_FILE_READ | EFI_FILE_WRITE | EFI_FILE_CREATE, 0);
    if (status != EFI_SUCCESS)
        return status;
    while (status == EFI_SUCCESS && bytes > 0) {
        size_t count = bytes < CHUNK ? (size_t)bytes : CHUNK, wanted = count;
        status = file->write(file, &count, data);
        if (status == EFI_SUCCESS && count < wanted)
            status = EFI_VOLUME_FULL;
        data += count;
        bytes -= count;
    }
    if (status == EFI_SUCCESS)
        status = file->flush(file);
    if (status != EFI_SUCCESS) {
        (void)file->remove(file);
        return status;
    }
    return file->close(file);
}

static efi_status rename_file(const efi_char *from, const efi_char *to)
{
    static struct efi_file_info info;
    struct efi_file *file = NULL;
    efi_status status = root->open(root, &file, from, EFI_FILE_READ | EFI_FILE_WRITE, 0);
    if (status != EFI_SUCCESS)
        return status;
    status = get_info(file, &info);
    size_t length = 0;
    for (; to[length] != 0; length++)
        info.name[length] = to[length];
    info.name[length] = 0;
    info.bytes = offsetof(struct efi_file_info, name) + 2 * (length + 1);
    if (status == EFI_SUCCESS)
        status = file->set_info(file, &efi_file_info_guid, (size_t)info.bytes, &info);
    if (status == EFI_SUCCESS)
        (void)file->flush(file);
    (void)file->close(file);
    return status;
}

/* The new content is complete on the disk under another name before the old file goes. */
enum port_file_status port_file_write(const char *name, const void *data, uint64_t bytes)
{
    efi_char wide[NAME], fresh[NAME];
    struct efi_file *old = NULL;
    if (root == NULL)
        return PORT_FILE_NO_VOLUME;
    if (!widen(name, wide) || !widen(name, fresh))
        return PORT_FILE_BAD_NAME;
    size_t length = 0;
    while (fresh[length] != 0)
        length++;
    for (const char *end = ".new"; *end != '\0'; end++)
        fresh[length++] = (efi_char)*end;
    fresh[length] = 0;
    efi_status status = write_file(fresh, data, bytes);
    if (status != EFI_SUCCESS)
        return status_of(status);
    if (root->open(root, &old, wide, EFI_FILE_READ | EFI_FILE_WRITE, 0) == EFI_SUCCESS)
        (void)old->remove(old);
    status = rename_file(fresh, wide);
    if (status != EFI_SUCCESS) /* firmware that cannot rename: written under its name, the copy stays until that is done */
        status = write_file(wide, data, bytes);
    return status_of(status);
}

enum port_file_status port_file_list(const char *folder, bool (*each)(void *context, const char *name, uint64_t bytes),
                                     void *context)
{
    static struct efi_file_info info;
    efi_char wide[NAME] = {'\\', 0};
    struct efi_file *directory = NULL;
    if (root == NULL)
        return PORT_FILE_NO_VOLUME;
    if (*folder != '\0' && !widen(folder, wide))
        return PORT_FILE_BAD_NAME;
    efi_status status = root->open(root, &directory, wide, EFI_FILE_READ, 0);
    if (status != EFI_SUCCESS)
        return status_of(status);
    for (bool more = true; more;) {
        char name[NAME];
        size_t bytes = sizeof info, length = 0;
        if (directory->read(directory, &bytes, &info) != EFI_SUCCESS || bytes == 0)
            break;
        for (; length + 1 < NAME && info.name[length] != 0; length++)
            name[length] = info.name[length] >= ' ' && info.name[length] <= '~' ? (char)info.name[length] : '?';
        name[length] = '\0';
        if (!(info.attribute & EFI_FILE_DIRECTORY))
            more = each(context, name, info.file_bytes);
    }
    (void)directory->close(directory);
    return PORT_FILE_OK;
}

/* files.c - the volume that the kernel was started from. */
#include "port.h"
#include "port_uefi.h"
#include "text.h"

#define CHUNK (1u << 20) /* some firmware breaks for good on larger reads */
#define NAME 256u        /* characters with the end mark, as in struct efi_file_info */
#define SUFFIX 4u

struct port_file {
    struct efi_file *file;
};

static struct efi_file *root;

static struct efi_file *open_root(efi_handle volume)
{
    struct efi_file_system *system = NULL;
    struct efi_file *opened = NULL;
    if (uefi->boot->handle_protocol(volume, &efi_file_system_guid, (void **)&system) != EFI_SUCCESS ||
        system->open_volume(system, &opened) != EFI_SUCCESS)
        return NULL;
    return opened;
}

/* An image that did not come from a volume (a shell's, the network's): the first volume that holds this kernel. */
static struct efi_file *find_root(void)
{
    static const efi_char own[] = u"\\EFI\\BOOT\\BOOTX64.EFI";
    size_t count = 0;
    efi_handle *handles = NULL;
    struct efi_file *found = NULL;
    if (uefi->boot->locate_handle_buffer(EFI_BY_PROTOCOL, &efi_file_system_guid, NULL, &count, &handles) != EFI_SUCCESS)
        return NULL;
    for (size_t i = 0; i < count && found == NULL; i++) {
        struct efi_file *candidate = open_root(handles[i]), *kernel = NULL;
        if (candidate == NULL)
            continue;
        if (candidate->open(candidate, &kernel, own, EFI_FILE_READ, 0) == EFI_SUCCESS) {
            (void)kernel->close(kernel);
            found = candidate;
        } else {
            (void)candidate->close(candidate);
        }
    }
    (void)uefi->boot->free_pool(handles);
    return found;
}

void files_open(void)
{
    struct efi_loaded_image *image = NULL;
    if (uefi->boot->handle_protocol(uefi_image, &efi_loaded_image_guid, (void **)&image) == EFI_SUCCESS &&
        image->device != NULL)
        root = open_root(image->device);
    if (root == NULL)
        root = find_root();
}

static enum port_file_status status_of(efi_status status)
{
    switch (status) {
    case EFI_SUCCESS:
        return PORT_FILE_OK;
    case EFI_NOT_FOUND:
        return PORT_FILE_NOT_FOUND;
    case EFI_NO_MEDIA:
    case EFI_MEDIA_CHANGED:
        return PORT_FILE_NO_VOLUME;
    case EFI_WRITE_PROTECTED:
    case EFI_ACCESS_DENIED:
        return PORT_FILE_READ_ONLY;
    case EFI_VOLUME_FULL:
        return PORT_FILE_FULL;
    case EFI_INVALID_PARAMETER:
        return PORT_FILE_BAD_NAME;
    default:
        return PORT_FILE_IO;
    }
}

/* ASCII with '/' to the firmware's names, and a suffix; false for what could leave the volume or is too long. */
static bool widen(const char *name, const char *suffix, efi_char *ret_wide)
{
    size_t i = 0, length = 0;
    if (*name == '\0' || *name == '/')
        return false;
    for (; name[i] != '\0'; i++) {
        bool up = name[i] == '.' && name[i + 1] == '.' && (i == 0 || name[i - 1] == '/');
        if (i + SUFFIX + 1 >= NAME || name[i] < ' ' || name[i] > '~' || name[i] == '\\' || name[i] == ':' || up)
            return false;
        ret_wide[length++] = name[i] == '/' ? '\\' : (efi_char)name[i];
    }
    for (i = 0; suffix[i] != '\0'; i++)
        ret_wide[length++] = (efi_char)suffix[i];
    ret_wide[length] = 0;
    return true;
}

static efi_status get_info(struct efi_file *file, struct efi_file_info *ret_info)
{
    size_t bytes = sizeof *ret_info;
    return file->get_info(file, &efi_file_info_guid, &bytes, ret_info);
}

static efi_status open_file(const efi_char *name, uint64_t mode, struct efi_file **ret_file)
{
    return root->open(root, ret_file, name, mode, 0);
}

enum port_file_status port_file_open(const char *name, struct port_file **ret_file, uint64_t *ret_bytes)
{
    struct efi_file_info info;
    efi_char wide[NAME];
    struct efi_file *file = NULL;
    void *memory = NULL;
    if (root == NULL)
        return PORT_FILE_NO_VOLUME;
    if (!widen(name, "", wide))
        return PORT_FILE_BAD_NAME;
    efi_status status = open_file(wide, EFI_FILE_READ, &file);
    if (status != EFI_SUCCESS)
        return status_of(status);
    status = get_info(file, &info);
    if (status == EFI_SUCCESS && (info.attribute & EFI_FILE_DIRECTORY))
        status = EFI_NOT_FOUND;
    if (status == EFI_SUCCESS)
        status = uefi->boot->allocate_pool(EFI_LOADER_DATA, sizeof(struct port_file), &memory);
    if (status != EFI_SUCCESS) {
        (void)file->close(file);
        return status_of(status);
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

static void remove_file(const efi_char *name)
{
    struct efi_file *file = NULL;
    if (open_file(name, EFI_FILE_READ | EFI_FILE_WRITE, &file) == EFI_SUCCESS)
        (void)file->remove(file); /* closes it too */
}

/* A new file with this content, on the disk when it returns; none after a failure. */
static efi_status write_new(const efi_char *name, const uint8_t *data, uint64_t bytes)
{
    struct efi_file *file = NULL;
    remove_file(name);
    efi_status status = open_file(name, EFI_FILE_READ | EFI_FILE_WRITE | EFI_FILE_CREATE, &file);
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

/* Within the folder: firmware differs in what it makes of a path here. Fails when there is a file of the new name. */
static efi_status rename_file(const efi_char *from, const efi_char *to)
{
    struct efi_file_info info;
    struct efi_file *file = NULL;
    efi_status status = open_file(from, EFI_FILE_READ | EFI_FILE_WRITE, &file);
    if (status != EFI_SUCCESS)
        return status;
    status = get_info(file, &info);
    size_t length = 0;
    for (size_t i = 0; to[i] != 0; i++) {
        info.name[length++] = to[i];
        if (to[i] == '\\')
            length = 0;
    }
    info.name[length] = 0;
    info.bytes = offsetof(struct efi_file_info, name) + 2 * (length + 1);
    if (status == EFI_SUCCESS)
        status = file->set_info(file, &efi_file_info_guid, (size_t)info.bytes, &info);
    if (status == EFI_SUCCESS)
        status = file->flush(file);
    (void)file->close(file);
    return status;
}

/* The new content is complete on the disk before the old file is touched, and one of the two always has a name. */
enum port_file_status port_file_write(const char *name, const void *data, uint64_t bytes)
{
    efi_char wide[NAME], fresh[NAME], old[NAME];
    if (root == NULL)
        return PORT_FILE_NO_VOLUME;
    if (!widen(name, "", wide) || !widen(name, ".new", fresh) || !widen(name, ".old", old))
        return PORT_FILE_BAD_NAME;
    efi_status status = write_new(fresh, data, bytes);
    if (status != EFI_SUCCESS)
        return status_of(status);
    remove_file(old);
    efi_status had = rename_file(wide, old);
    status = rename_file(fresh, wide);
    if (status == EFI_SUCCESS) {
        remove_file(old);
        return PORT_FILE_OK;
    }
    if (had == EFI_SUCCESS) {
        (void)rename_file(old, wide);
        remove_file(fresh);
        return status_of(status);
    }
    /* Firmware that cannot rename: once more, under its name. The complete copy goes only when this one is complete. */
    status = write_new(wide, data, bytes);
    if (status == EFI_SUCCESS)
        remove_file(fresh);
    return status_of(status);
}

enum port_file_status port_file_list(const char *folder, bool (*each)(void *context, const char *name, uint64_t bytes),
                                     void *context)
{
    struct efi_file_info info;
    efi_char wide[NAME] = u"\\";
    struct efi_file *directory = NULL;
    if (root == NULL)
        return PORT_FILE_NO_VOLUME;
    if (*folder != '\0' && !widen(folder, "", wide))
        return PORT_FILE_BAD_NAME;
    efi_status status = open_file(wide, EFI_FILE_READ, &directory);
    if (status != EFI_SUCCESS)
        return status_of(status);
    status = get_info(directory, &info);
    bool more = status == EFI_SUCCESS && (info.attribute & EFI_FILE_DIRECTORY);
    if (status == EFI_SUCCESS && !more)
        status = EFI_NOT_FOUND;
    while (more) {
        char name[NAME];
        size_t bytes = sizeof info, length = 0;
        status = directory->read(directory, &bytes, &info);
        if (status != EFI_SUCCESS || bytes == 0)
            break;
        for (; length + 1 < NAME && info.name[length] != 0; length++)
            name[length] = ' ' <= info.name[length] && info.name[length] <= '~' ? (char)info.name[length] : '?';
        name[length] = '\0';
        if (!(info.attribute & EFI_FILE_DIRECTORY))
            more = each(context, name, info.file_bytes);
    }
    (void)directory->close(directory);
    return status_of(status);
}

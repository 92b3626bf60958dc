/* files.c - a folder as the boot volume. Names cannot leave it: no "..", no absolute path, no symbolic link. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 256
#define UNFINISHED ".llmk-unfinished" /* what is being written, in the folder where it will stand */

struct port_file {
    int descriptor;
};

static enum port_file_status status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return PORT_FILE_NOT_FOUND;
    case ENOSPC:
    case EDQUOT: return PORT_FILE_FULL;
    case EROFS:
    case EACCES:
    case EPERM: return PORT_FILE_READ_ONLY;
    case ELOOP:
    case ENAMETOOLONG: return PORT_FILE_BAD_NAME;
    default: return PORT_FILE_IO;
    }
}

/* What FAT can have as well, so that the same name works on the machine. */
static bool part_is_safe(const char *part, size_t length)
{
    if (length == 0 || (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))))
        return false;
    for (size_t i = 0; i < length; i++)
        if (part[i] < 0x20 || part[i] > 0x7e || strchr("\"*:<>?\\|", part[i]) != NULL)
            return false;
    return true;
}

static bool name_is_safe(const char *name)
{
    if (strlen(name) >= NAME_BYTES)
        return false;
    for (const char *slash; (slash = strchr(name, '/')) != NULL; name = slash + 1)
        if (!part_is_safe(name, (size_t)(slash - name)))
            return false;
    return part_is_safe(name, strlen(name));
}

/* ---- walking ----------------------------------------------------------------------------------------------------- */

static int open_part(int folder, const char *part, size_t length)
{
    char name[NAME_BYTES];
    memcpy(name, part, length);
    name[length] = '\0';
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens the folder in which the last part of a safe name stands, part by part without following links. */
static enum port_file_status open_folder_of(const char *name, int *ret_folder, const char **ret_last)
{
    int folder = open(options.files, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return PORT_FILE_NO_VOLUME;
    for (const char *slash; (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        int next = open_part(folder, name, (size_t)(slash - name));
        int error = errno;
        (void)close(folder);
        if (next < 0)
            return status_of(error);
        folder = next;
    }
    *ret_folder = folder;
    *ret_last = name;
    return PORT_FILE_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

enum port_file_status port_file_open(const char *name, struct port_file **ret_file, uint64_t *ret_bytes)
{
    const char *last;
    int folder;
    if (!name_is_safe(name))
        return PORT_FILE_BAD_NAME;
    enum port_file_status status = open_folder_of(name, &folder, &last);
    if (status != PORT_FILE_OK)
        return status;
    int descriptor = openat(folder, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    int error = errno;
    (void)close(folder);
    if (descriptor < 0)
        return error == EACCES || error == EPERM ? PORT_FILE_IO : status_of(error); /* it is reading that was refused */
    struct stat found;
    struct port_file *file = malloc(sizeof *file);
    if (file == NULL || fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode)) {
        free(file);
        (void)close(descriptor);
        return PORT_FILE_NOT_FOUND;
    }
    file->descriptor = descriptor;
    *ret_file = file;
    *ret_bytes = (uint64_t)found.st_size;
    return PORT_FILE_OK;
}

enum port_file_status port_file_read(struct port_file *file, uint64_t offset, void *to, uint64_t bytes)
{
    uint8_t *at = to;
    while (bytes > 0) {
        ssize_t count = pread(file->descriptor, at, bytes, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return PORT_FILE_IO;
        at += count;
        offset += (uint64_t)count;
        bytes -= (uint64_t)count;
    }
    return PORT_FILE_OK;
}

void port_file_close(struct port_file *file)
{
    (void)close(file->descriptor);
    free(file);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static enum port_file_status write_all(int descriptor, const uint8_t *data, uint64_t bytes)
{
    while (bytes > 0) {
        ssize_t count = write(descriptor, data, bytes);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return status_of(errno);
        data += count;
        bytes -= (uint64_t)count;
    }
    return fsync(descriptor) == 0 ? PORT_FILE_OK : status_of(errno);
}

/* What stands at the name now: its size, and whether it may be replaced. */
static enum port_file_status look_at_old(int folder, const char *name, uint64_t *ret_bytes)
{
    struct stat found;
    *ret_bytes = 0;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? PORT_FILE_OK : status_of(errno);
    if (!S_ISREG(found.st_mode))
        return PORT_FILE_BAD_NAME;
    *ret_bytes = (uint64_t)found.st_size;
    return (found.st_mode & 0222) == 0 ? PORT_FILE_READ_ONLY : PORT_FILE_OK; /* as FAT's attribute, for root too */
}

static enum port_file_status write_beside(int folder, const char *name, const void *data, uint64_t bytes)
{
    int descriptor = openat(folder, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (descriptor < 0)
        return status_of(errno);
    enum port_file_status status = write_all(descriptor, data, bytes);
    if (close(descriptor) != 0 && status == PORT_FILE_OK)
        status = status_of(errno);
    if (status == PORT_FILE_OK && renameat(folder, UNFINISHED, folder, name) != 0)
        status = status_of(errno);
    if (status == PORT_FILE_OK)
        (void)fsync(folder); /* some file systems cannot, and the content is safe already */
    else
        (void)unlinkat(folder, UNFINISHED, 0);
    return status;
}

enum port_file_status port_file_write(const char *name, const void *data, uint64_t bytes)
{
    const char *last;
    int folder;
    uint64_t old;
    if (!name_is_safe(name))
        return PORT_FILE_BAD_NAME;
    if (options.read_only)
        return PORT_FILE_READ_ONLY;
    enum port_file_status status = open_folder_of(name, &folder, &last);
    if (status != PORT_FILE_OK)
        return status;
    status = look_at_old(folder, last, &old);
    if (status == PORT_FILE_OK && bytes > lasting.disk_free) /* old and new stand side by side for a moment */
        status = PORT_FILE_FULL;
    if (status == PORT_FILE_OK)
        status = write_beside(folder, last, data, bytes);
    if (status == PORT_FILE_OK && options.disk_free != UINT64_MAX)
        lasting.disk_free = lasting.disk_free - bytes + old;
    (void)close(folder);
    return status;
}

/* ---- listing ----------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a folder in a fixed order, so that every run sees the same. NULL when there is no memory for them. */
static char **sorted_names(DIR *folder, size_t *ret_count)
{
    size_t room = 0;
    char **names = NULL;
    *ret_count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (*ret_count == room) {
            room = room * 2 + 64;
            char **larger = realloc(names, room * sizeof *names);
            if (larger == NULL)
                break;
            names = larger;
        }
        if (strcmp(entry->d_name, UNFINISHED) != 0 && (names[*ret_count] = strdup(entry->d_name)) != NULL)
            ++*ret_count;
    }
    if (*ret_count > 0)
        qsort(names, *ret_count, sizeof *names, by_name);
    return names;
}

/* As the UEFI port shows them: one ? for a character that is none of ASCII, so that no file is hidden. */
static void in_ascii(char *name)
{
    char *to = name;
    for (const char *from = name; *from != '\0'; from++) {
        bool continues = ((unsigned char)*from & 0xC0) == 0x80; /* a character of UTF-8 that began before */
        if (!continues)
            *to++ = ' ' <= *from && *from <= '~' ? *from : '?';
    }
    *to = '\0';
}

static enum port_file_status open_listed(const char *folder, int *ret_descriptor)
{
    char inside[NAME_BYTES + 2];
    const char *last;
    if (*folder != '\0' && !name_is_safe(folder))
        return PORT_FILE_BAD_NAME;
    /* A name in it, of which the folder is what is wanted. */
    snprintf(inside, sizeof inside, "%s%s", folder, *folder != '\0' ? "/x" : "x");
    return open_folder_of(inside, ret_descriptor, &last);
}

enum port_file_status port_file_list(const char *folder, bool (*each)(void *context, const char *name, uint64_t bytes),
                                     void *context)
{
    int descriptor;
    enum port_file_status status = open_listed(folder, &descriptor);
    if (status != PORT_FILE_OK)
        return status;
    DIR *stream = fdopendir(descriptor);
    if (stream == NULL) {
        (void)close(descriptor);
        return PORT_FILE_IO;
    }
    size_t count;
    char **names = sorted_names(stream, &count);
    bool more = true;
    for (size_t i = 0; i < count; i++) {
        struct stat found;
        if (more && fstatat(descriptor, names[i], &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode)) {
            in_ascii(names[i]);
            more = each(context, names[i], (uint64_t)found.st_size);
        }
        free(names[i]);
    }
    free(names);
    (void)closedir(stream);
    return PORT_FILE_OK;
}

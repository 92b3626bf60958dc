/* files.c - a folder as the boot volume. Names cannot leave it: no "..", no absolute path, no symbolic link on the way. */
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

static bool name_is_safe(const char *name)
{
    if (*name == '\0' || *name == '/' || strlen(name) > 255)
        return false;
    for (const char *part = name; part != NULL;) {
        const char *slash = strchr(part, '/');
        size_t length = slash != NULL ? (size_t)(slash - part) : strlen(part);
        if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part = slash != NULL ? slash + 1 : NULL;
    }
    return true;
}

/* The folder that holds a name, opened part by part without following links; `ret_last` is what remains of the name. */
static int open_folder(const char *name, const char **ret_last)
{
    int folder = open(options.files, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (const char *slash; folder >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        char part[256];
        size_t length = (size_t)(slash - name);
        memcpy(part, name, length);
        part[length] = '\0';
        int next = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        (void)close(folder);
        folder = next;
    }
    *ret_last = name;
    return folder;
}

enum port_file_status port_file_open(const char *name, struct port_file **ret_file, uint64_t *ret_bytes)
{
    if (!name_is_safe(name))
        return PORT_FILE_BAD_NAME;
    const char *last;
    int folder = open_folder(name, &last);
    if (folder < 0)
        return errno == ENOENT && access(options.files, F_OK) != 0 ? PORT_FILE_NO_VOLUME : status_of(errno);
    int descriptor = openat(folder, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    int error = errno;
    (void)close(folder);
    if (descriptor < 0)
        return error == EACCES ? PORT_FILE_IO : status_of(error);
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

enum port_file_status port_file_write(const char *name, const void *data, uint64_t bytes)
{
    char fresh[256 + 8];
    const char *last;
    if (!name_is_safe(name))
        return PORT_FILE_BAD_NAME;
    if (options.read_only)
        return PORT_FILE_READ_ONLY;
    if (bytes > options.disk_free)
        return PORT_FILE_FULL;
    int folder = open_folder(name, &last);
    if (folder < 0)
        return status_of(errno);
    snprintf(fresh, sizeof fresh, ".%s.new", last);
    int descriptor = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    enum port_file_status status = descriptor >= 0 ? write_all(descriptor, data, bytes) : status_of(errno);
    if (descriptor >= 0)
        (void)close(descriptor);
    if (status == PORT_FILE_OK && renameat(folder, fresh, folder, last) != 0)
        status = status_of(errno);
    if (status != PORT_FILE_OK)
        (void)unlinkat(folder, fresh, 0);
    else if (options.disk_free != UINT64_MAX)
        options.disk_free -= bytes;
    (void)close(folder);
    return status;
}

enum port_file_status port_file_list(const char *folder, bool (*each)(void *context, const char *name, uint64_t bytes),
                                     void *context)
{
    char with_end[300];
    const char *last;
    if (*folder != '\0' && !name_is_safe(folder))
        return PORT_FILE_BAD_NAME;
    snprintf(with_end, sizeof with_end, "%s%s", folder, *folder != '\0' ? "/x" : "x"); /* open_folder drops the last part */
    int descriptor = open_folder(with_end, &last);
    if (descriptor < 0)
        return *folder == '\0' ? PORT_FILE_NO_VOLUME : status_of(errno);
    struct dirent **entries = NULL;
    char path[64];
    DIR *stream = fdopendir(descriptor);
    if (stream == NULL) {
        (void)close(descriptor);
        return PORT_FILE_IO;
    }
    /* Sorted, so that every run sees the same order. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int count = scandir(path, &entries, NULL, alphasort);
    bool more = true;
    for (int i = 0; i < count; i++) {
        struct stat found;
        if (more && fstatat(descriptor, entries[i]->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode))
            more = each(context, entries[i]->d_name, (uint64_t)found.st_size);
        free(entries[i]);
    }
    free(entries);
    (void)closedir(stream);
    return count >= 0 ? PORT_FILE_OK : PORT_FILE_IO;
}

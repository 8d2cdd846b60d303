/* The Maildir of the notifier: which orders' mails it holds. Mails of others may lie there too, and
 * nothing that a header says is believed beyond its form. new/ is read before cur/, since that is
 * how mails move. Changes nothing. */
#include "ctl/mail_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"

/* Ours are written with far less before the first empty line. */
#define HEADER_MAX 16384

/* The first word of a header; NULL: there is no such header. */
static const char *find_header(const char *headers, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (const char *line = headers; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        const char *value = line + name_len + 1;
        value += strspn(value, " \t\r");
        *len = strcspn(value, " \t\r\n");
        return value;
    }
    return NULL;
}

/* <UID@DOMAIN>, whatever the domain was when it was sent. */
static bool read_message_id(const char *headers, char uid[UID_SIZE])
{
    size_t len = 0;
    const char *id = find_header(headers, "Message-ID", &len);
    if (!id || len < UID_SIZE + 2 || id[0] != '<' || id[UID_SIZE] != '@' || id[len - 1] != '>')
        return false;
    memcpy(uid, id + 1, UID_SIZE - 1);
    uid[UID_SIZE - 1] = '\0';
    return text_is_uid(uid);
}

static bool read_order_id(const char *headers, int64_t *out)
{
    size_t len = 0;
    const char *id = find_header(headers, "X-Order-Id", &len);
    return id && text_parse_uint(id, len, INT64_MAX, out) && *out;
}

/* Cuts what was read where the headers end, and joins what was folded (RFC 5322, section 2.2.3). */
static void trim_headers(char *text)
{
    for (char *at = text; (at = strchr(at, '\n')); at++) {
        if (at[1] == ' ' || at[1] == '\t') {
            *at = ' ';
        } else if (at[1] == '\n' || (at[1] == '\r' && at[2] == '\n')) {
            at[1] = '\0';
            return;
        }
    }
}

static void take_file(struct mail_list *list, int folder_fd, const char *name)
{
    char text[HEADER_MAX + 1], uid[UID_SIZE];
    int64_t order_id;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t len = read(fd, text, HEADER_MAX);
    file_close(&fd);
    if (len <= 0)
        return;
    text[len] = '\0';
    trim_headers(text);
    if (read_order_id(text, &order_id) && read_message_id(text, uid))
        mail_list_add(list, order_id, uid, MAIL_DELIVERED);
}

static enum err cannot_read(const char *path, const char *name, struct fault *fault)
{
    if (errno == EACCES || errno == EPERM)
        return fail(fault, ERR_REFUSED, NULL, "%s/%s is not ours to read", path, name);
    return fail_errno(fault, ERR_IO, "cannot read %s/%s", path, name);
}

static enum err read_folder(
    struct mail_list *list, const char *path, int root_fd, const char *name, struct fault *fault)
{
    int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NONE : cannot_read(path, name, fault);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        file_close(&fd);
        return cannot_read(path, name, fault);
    }
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(dir)); errno = 0)
        if (entry->d_name[0] != '.')
            take_file(list, fd, entry->d_name);
    enum err e = errno ? cannot_read(path, name, fault) : ERR_NONE;
    (void)closedir(dir);
    return e;
}

static enum err read_folders(
    struct mail_list *list, const char *path, int root_fd, struct fault *fault)
{
    struct stat st;
    if (fstat(root_fd, &st))
        return fail_errno(fault, ERR_IO, "cannot look at %s", path);
    if (st.st_uid != geteuid())
        return fail(fault, ERR_REFUSED, NULL, "%s is not ours", path);
    enum err e = read_folder(list, path, root_fd, "new", fault);
    return e ? e : read_folder(list, path, root_fd, "cur", fault);
}

enum err mail_list_read_maildir(struct mail_list *list, const char *maildir, struct fault *fault)
{
    int root_fd = open(maildir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return errno == ENOENT ? ERR_NONE : cannot_read(maildir, "", fault);
    enum err e = read_folders(list, maildir, root_fd, fault);
    file_close(&root_fd);
    return e;
}

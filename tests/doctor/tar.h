// Archives written by hand, so that they can be as wrong as they like.
#ifndef TAR_H
#define TAR_H
#include <stddef.h>

struct tar {
  char *bytes;
  size_t length, room;
};
void tar_raw(struct tar *, const void *bytes, size_t length);
// type: '0' file, '1' hard link, '2' link, '3' device, '5' folder, '6' fifo, 'x' pax header...
void tar_member(struct tar *, char type, const char *name, const char *target, const void *content,
                size_t length);
void tar_text(struct tar *, const char *name, const char *text); // a file
void tar_end(struct tar *);                                      // two blocks of zeros
void tar_free(struct tar *);
void tar_write(const struct tar *, const char *path);
// As gzip has it, stored and not squeezed; cut: so many bytes of the end are left out.
void tar_write_gzip(const struct tar *, const char *path, size_t cut);
// Gzip of a megabyte of zeros, 4 KiB long: one after the other they are as many megabytes.
size_t gzip_zeros(unsigned char out[16 << 10]);
#endif

// A .tar.gz of a snapshot as a folder of files.
#ifndef WHY_UNPACK_H
#define WHY_UNPACK_H
#include "walk.h"

// Beyond these an archive is no snapshot: bytes of content in all, bytes of the whole stream,
// bytes of what comes before one file's content; files, folders and links.
enum { CONTENT_MOST = 256 << 20, STREAM_MOST = 768 << 20, HEADER_MOST = 1 << 20 };
enum { MEMBERS_MOST = 50000 };

// Of an open file: does it begin as an archive does?
bool unpack_is_archive(int file);
// Fills an empty folder from an archive, which is read from its first byte on. WHY_OK;
// WHY_BAD_INPUT and a line that begins with `said`.
enum why_reason unpack(int archive, int folder, const char *said, struct why_error *);
#endif

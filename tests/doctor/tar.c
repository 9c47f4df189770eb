#include "tar.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512 };

void tar_raw(struct tar *tar, const void *bytes, size_t length) {
  if (tar->length + length > tar->room) {
    tar->room = 2 * (tar->length + length);
    tar->bytes = realloc(tar->bytes, tar->room);
    if (!tar->bytes) exit(1);
  }
  if (length) memcpy(tar->bytes + tar->length, bytes, length);
  tar->length += length;
}

static void pad(struct tar *tar) {
  static const char zeros[BLOCK];
  tar_raw(tar, zeros, (BLOCK - tar->length % BLOCK) % BLOCK);
}

void tar_member(struct tar *tar, char type, const char *name, const char *target,
                const void *content, size_t length) {
  char head[BLOCK] = "";
  snprintf(head, 100, "%s", name);
  snprintf(head + 100, 8, "0000644");
  snprintf(head + 108, 8, "0000000");
  snprintf(head + 116, 8, "0000000");
  snprintf(head + 124, 12, "%011zo", length);
  snprintf(head + 136, 12, "00000000000");
  head[156] = type;
  snprintf(head + 157, 100, "%s", target);
  memcpy(head + 257, "ustar\00000", 8);
  unsigned sum = 8 * ' ';
  for (int i = 0; i < BLOCK; i++) sum += (unsigned char)head[i];
  snprintf(head + 148, 8, "%06o", sum);
  head[155] = ' ';
  tar_raw(tar, head, BLOCK);
  tar_raw(tar, content, length);
  pad(tar);
}

void tar_text(struct tar *tar, const char *name, const char *text) {
  tar_member(tar, '0', name, "", text, strlen(text));
}

void tar_end(struct tar *tar) {
  static const char zeros[2 * BLOCK];
  tar_raw(tar, zeros, sizeof zeros);
}

void tar_free(struct tar *tar) {
  free(tar->bytes);
  *tar = (struct tar){0};
}

static void write_bytes(const char *path, const void *bytes, size_t length) {
  FILE *file = fopen(path, "wbe");
  if (!file || fwrite(bytes, 1, length, file) != length || fclose(file)) {
    perror(path);
    exit(1);
  }
}

void tar_write(const struct tar *tar, const char *path) {
  write_bytes(path, tar->bytes, tar->length);
}

// ---- gzip --------------------------------------------------------------------------------------

static uint32_t crc(const unsigned char *bytes, size_t length) {
  uint32_t sum = ~0u;
  for (size_t i = 0; i < length; i++) {
    sum ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
  }
  return ~sum;
}

static void put_32(struct tar *to, uint32_t value) {
  unsigned char bytes[4];
  for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(value >> 8 * i);
  tar_raw(to, bytes, 4);
}

static const char gzip_head[] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

void tar_write_gzip(const struct tar *tar, const char *path, size_t cut) {
  struct tar out = {0};
  tar_raw(&out, gzip_head, sizeof gzip_head);
  size_t at = 0;
  do {
    size_t length = tar->length - at < 65535 ? tar->length - at : 65535;
    unsigned char head[5] = {at + length == tar->length, (unsigned char)length,
                             (unsigned char)(length >> 8)};
    head[3] = (unsigned char)~head[1];
    head[4] = (unsigned char)~head[2];
    tar_raw(&out, head, sizeof head);
    tar_raw(&out, tar->bytes + at, length);
    at += length;
  } while (at < tar->length);
  put_32(&out, crc((const unsigned char *)tar->bytes, tar->length));
  put_32(&out, (uint32_t)tar->length);
  write_bytes(path, out.bytes, out.length - cut);
  tar_free(&out);
}

struct bits {
  unsigned char *out;
  size_t count;
};

// So many bits of a value, the lowest first.
static void put_bits(struct bits *bits, unsigned value, int count) {
  for (int i = 0; i < count; i++, bits->count++)
    bits->out[bits->count / 8] |= (unsigned char)((value >> i & 1) << bits->count % 8);
}

// Deflate's fixed codes: a zero, then matches of 258 bytes, one byte back.
size_t gzip_zeros(unsigned char out[16 << 10]) {
  enum { MATCH = 258, MEGABYTE = 1 << 20 };
  memset(out, 0, 16 << 10);
  memcpy(out, gzip_head, sizeof gzip_head);
  struct bits bits = {out, 8 * sizeof gzip_head};
  put_bits(&bits, 1, 1); // the last block
  put_bits(&bits, 1, 2); // of fixed codes
  int zeros = 0;
  for (; (MEGABYTE - zeros) % MATCH || !zeros; zeros++) put_bits(&bits, 0x0c, 8); // 00110000
  for (; zeros < MEGABYTE; zeros += MATCH) {
    put_bits(&bits, 0xa3, 8); // code 285, 11000101
    put_bits(&bits, 0, 5);
  }
  put_bits(&bits, 0, 7); // the end
  size_t length = (bits.count + 7) / 8;
  static unsigned char megabyte[MEGABYTE];
  uint32_t tail[2] = {crc(megabyte, MEGABYTE), MEGABYTE};
  for (int i = 0; i < 8; i++) out[length++] = (unsigned char)(tail[i / 4] >> 8 * (i % 4));
  return length;
}

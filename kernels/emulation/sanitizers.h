// Which sanitizer this is built with, and how memory is hidden from and shown to it.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define EMU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ASAN 1
#elif __has_feature(memory_sanitizer)
#define EMU_MSAN 1
#endif
#endif

#if defined(EMU_ASAN)
#include <sanitizer/asan_interface.h>
#define EMU_HIDE(p, bytes) ASAN_POISON_MEMORY_REGION(p, bytes)
#define EMU_SHOW(p, bytes) ASAN_UNPOISON_MEMORY_REGION(p, bytes)
#define EMU_NEW_STACK(p, bytes) EMU_SHOW(p, bytes) // of frames that were never left
#elif defined(EMU_MSAN)
#include <sanitizer/msan_interface.h>
#define EMU_HIDE(p, bytes) __msan_poison(p, bytes)
#define EMU_SHOW(p, bytes) __msan_unpoison(p, bytes)
#define EMU_NEW_STACK(p, bytes) ((void)(p), (void)(bytes)) // frames are poisoned when entered
#else
#define EMU_HIDE(p, bytes) ((void)(p), (void)(bytes))
#define EMU_SHOW(p, bytes) ((void)(p), (void)(bytes))
#define EMU_NEW_STACK(p, bytes) ((void)(p), (void)(bytes))
#endif

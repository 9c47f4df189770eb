#include "access.h"
#include <ctype.h>
#include <string.h>

static bool is_gpu(const struct node *node) {
  return !strncmp(node->path, "/dev/nvidia", 11) && isdigit((unsigned char)node->path[11]);
}

bool gpu_nodes(const struct facts *f) {
  for (int i = 0; i < f->nodes.count; i++)
    if (is_gpu(&f->nodes.node[i])) return true;
  if (f->scope.platform == PLATFORM_WSL2) return node_of(f, "/dev/dxg");
  if (f->scope.platform == PLATFORM_JETSON) return node_of(f, "/dev/nvmap");
  return false;
}

// CUDA has to open it.
static bool is_driver_node(const struct facts *f, const struct node *node) {
  if (f->scope.platform == PLATFORM_WSL2) return !strcmp(node->path, "/dev/dxg");
  if (f->scope.platform == PLATFORM_JETSON)
    return !strcmp(node->path, "/dev/nvmap") || !strncmp(node->path, "/dev/nvhost-", 12);
  return is_gpu(node) || !strcmp(node->path, "/dev/nvidiactl") ||
         !strcmp(node->path, "/dev/nvidia-uvm");
}

// A scheduler lets a job open its own GPUs and refuses the others: one GPU's file is in the way
// only where no other one opens.
bool is_in_the_way(const struct facts *f, const struct node *node) {
  if (!is_driver_node(f, node)) return false;
  if (!is_gpu(node)) return true;
  for (int i = 0; i < f->nodes.count; i++)
    if (is_gpu(&f->nodes.node[i]) && f->nodes.node[i].opens == YES) return false;
  return true;
}

enum known mode_permits(const struct facts *f, const struct node *node) {
  const struct process *p = &f->process;
  if (p->known != YES) return (node->mode & 0006) == 0006 ? YES : UNKNOWN;
  if (p->uid == 0 && p->root_in_user_namespace == NO) return YES;
  unsigned shift = 0;
  // Inside a user namespace the owner's numbers are those of the namespace, as the process's are.
  if (p->uid == node->uid) {
    shift = 6;
  } else {
    bool member = p->gid == node->gid;
    for (int i = 0; i < p->groups; i++) member |= p->group[i] == node->gid;
    if (member) shift = 3;
  }
  if (p->uid == 0 && p->root_in_user_namespace == UNKNOWN && (node->mode >> shift & 06) != 06)
    return UNKNOWN;
  return (node->mode >> shift & 06) == 06 ? YES : NO;
}

const struct node *closed_node(const struct facts *f, int error) {
  for (int i = 0; i < f->nodes.count; i++) {
    const struct node *node = &f->nodes.node[i];
    if (is_in_the_way(f, node) && node->opens == NO && node->open_error == error &&
        mode_permits(f, node) == YES)
      return node;
  }
  return NULL;
}

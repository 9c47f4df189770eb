// A driver library without any of a driver's functions.
__attribute__((visibility("default"))) int something_else;

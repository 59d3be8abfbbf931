#include <dam/error.h>

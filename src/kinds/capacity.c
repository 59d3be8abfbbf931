#include "kinds/kinds.h"

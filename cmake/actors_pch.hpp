#pragma once

// Precompiled for the rooms that use CAF: its headers take most of a unit's compile time.
#include <caf/all.hpp>
#include <memory>
#include <string>
#include <vector>

#include "messages/types.hpp"

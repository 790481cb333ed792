#pragma once

// Precompiled for tests of what knows no actors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "cmake/core_pch.hpp"

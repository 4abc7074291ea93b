// SPDX-License-Identifier: Apache-2.0
//
// Coded copies: bodies in other content codings, kept on disk for the siblings of stored responses.
// One is filed under the bytes that it was made of, not under their URL: what is found is right for
// whoever has these bytes, and no update, purge or restart can make it wrong. It goes with its
// segment. Functions over a DiskTier; threads that may block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cache/disk_tier.h"
#include "http/coding.h"

namespace weir::cache {

/// The key of the copy of `body` in `coding`, made at `level`.
std::string coded_copy_key(const DiskTier& disk, std::string_view body, http::Coding coding,
                           int level);
/// Whether a key is one of these: no stored response, and nothing that a purge could name.
bool is_coded_copy(std::string_view key) noexcept;

/// Empty: there is none, or it cannot be read.
std::vector<Slice> read_coded_copy(DiskTier& disk, const std::string& key);
/// It may come to nothing: the disk is off, or its queue full.
void store_coded_copy(DiskTier& disk, const std::string& key, const std::vector<Slice>& copy);

} // namespace weir::cache

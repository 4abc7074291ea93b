// SPDX-License-Identifier: Apache-2.0
//
// DiskTier, the part that opens: lock, healing, what an earlier process left.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>

#include "base/errlog.h"
#include "cache/disk_parts.h"
#include "cache/disk_tier.h"

namespace weir::cache {

namespace {

constexpr std::string_view kFormat = "weir disk 1";

std::string database(const std::string& path) { return path + "/db"; }

Result<void> make_folder(const std::string& path) {
  std::error_code error;
  bool made = std::filesystem::create_directories(path, error);
  if (!error && made) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return fail(Code::io, Side::cache, error.value());
  }
  return {};
}

std::string pack(const HashKey& key) {
  std::string bytes;
  for (std::uint64_t word : {key.k0, key.k1}) {
    for (int shift = 0; shift < 64; shift += 8) {
      bytes.push_back(static_cast<char>(word >> shift));
    }
  }
  return bytes;
}

HashKey unpack(std::string_view bytes) {
  HashKey key;
  for (std::size_t i = 0; i < 16; ++i) {
    std::uint64_t byte = static_cast<unsigned char>(bytes[i]);
    (i < 8 ? key.k0 : key.k1) |= byte << (8 * (i % 8));
  }
  return key;
}

} // namespace

Result<std::unique_ptr<DiskLock>> DiskLock::take(const std::string& path) {
  int fd = ::open((path + "/LOCK").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(Code::io, Side::cache, errno);
  }
  auto lock = std::make_unique<DiskLock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return fail(errno == EWOULDBLOCK ? Code::exists : Code::io, Side::cache, errno);
  }
  return lock;
}

DiskLock::~DiskLock() { ::close(fd_); }

bool LiveRows::dead(Family family, std::string_view key, std::string_view value) const noexcept {
  std::optional<std::uint32_t> segment;
  switch (family) {
  case Family::meta:
    if (key.size() == 16 || key.size() == 32) { // not the tier's own facts
      segment = record_segment(value);
    }
    break;
  case Family::dir:
    segment = parse_dir_segment(key);
    break;
  case Family::index:
    segment = parse_index_segment(key);
    break;
  case Family::body:
    break;
  }
  return segment && *segment < segments_.low();
}

DiskTier::DiskTier(Private, DiskSettings settings)
    : settings_(std::move(settings)), asked_(settings_.capacity / (16 << 10)),
      fault_(settings_.path) {
  std::uint64_t size =
      settings_.segment_bytes != 0 ? settings_.segment_bytes : segment_size(settings_.capacity);
  segments_ = std::make_unique<Segments>(
      std::min(size, std::max<std::uint64_t>(settings_.capacity / 8, kDiskChunk)));
  live_rows_ = std::make_unique<LiveRows>(*segments_);
  hits_ = std::make_unique<HitSet>(settings_.capacity);
}

DiskTier::~DiskTier() = default;

Result<std::unique_ptr<DiskTier>> DiskTier::open(DiskSettings settings) {
  std::unique_ptr<DiskTier> tier(std::make_unique<DiskTier>(Private(), std::move(settings)));
  const std::string& path = tier->settings_.path;
  if (auto made = make_folder(path); !made) {
    return fail(made.error());
  }
  auto lock = DiskLock::take(path);
  if (!lock) {
    return fail(lock.error());
  }
  tier->lock_ = std::move(*lock);
  if (auto opened = tier->open_database(); !opened) {
    return fail(opened.error());
  }
  tier->start();
  return tier;
}

Result<std::unique_ptr<DiskTier>> DiskTier::open_on(DiskSettings settings,
                                                    std::unique_ptr<DiskDb> db) {
  std::unique_ptr<DiskTier> tier(std::make_unique<DiskTier>(Private(), std::move(settings)));
  tier->db_ = std::move(db);
  if (auto read = tier->read_facts(); !read) {
    return fail(read.error());
  }
  tier->start();
  return tier;
}

Result<void> DiskTier::open_database() {
  const std::string& path = settings_.path;
  std::string why;
  if (::access((path + DiskFault::kMark).c_str(), F_OK) == 0) {
    if (auto done = renew("damage was found while it ran"); !done) {
      return done;
    }
  }
  for (bool renewed = false;; renewed = true) {
    if (auto made = make_folder(database(path)); !made) {
      return made;
    }
    DiskDbSettings settings;
    settings.path = database(path);
    settings.file_bytes = std::clamp<std::uint64_t>(segments_->size() / 4, 32 << 20, 256 << 20);
    settings.meta_cache_bytes = settings_.meta_cache_bytes;
    settings.notes_bytes =
        std::clamp<std::uint64_t>(settings_.capacity / 128, 64 << 10, settings.notes_bytes);
    settings.judge = live_rows_.get();
    auto db = open_rocks(settings, why);
    Result<void> done = db ? Result<void>() : Result<void>(fail(db.error()));
    if (db) {
      db_ = std::move(*db);
      done = read_facts();
      why = done ? "" : "it is not a database of this version";
    }
    if (done) {
      return {};
    }
    if (renewed || done.error().code != Code::corrupt) {
      log_error("disk: {}: {}", database(path), why);
      return done;
    }
    db_.reset();
    if (done = renew(why); !done) {
      return done;
    }
  }
}

Result<void> DiskTier::renew(const std::string& why) {
  std::string folder = database(settings_.path);
  log_error("disk: {} is damaged and begun anew, empty: {}", folder, why);
  std::string trouble;
  if (auto done = destroy_rocks(folder, trouble); !done) {
    log_error("disk: {}: {}", folder, trouble);
    return fail(Code::io, Side::cache, done.error().sys);
  }
  ::unlink((settings_.path + DiskFault::kMark).c_str());
  return {};
}

Result<void> DiskTier::read_facts() {
  auto format = db_->get(Family::meta, "format");
  if (!format && format.error().code != Code::not_found) {
    return fail(format.error());
  }
  if (format) {
    auto fact = decode_fact("format", format->view());
    auto bytes = db_->get(Family::meta, "secret");
    if (!fact || fact->payload != kFormat || !bytes) {
      return fail(Code::corrupt, Side::cache);
    }
    auto secret = decode_fact("secret", bytes->view());
    if (!secret || secret->payload.size() != 16) {
      return fail(Code::corrupt, Side::cache);
    }
    secret_ = unpack(secret->payload);
    return find_segments();
  }
  for (Family family : {Family::meta, Family::body}) { // rows, and no format: not weir's
    if (auto last = db_->last_key(family); last || last.error().code != Code::not_found) {
      return fail(Code::corrupt, Side::cache);
    }
  }
  secret_ = HashKey::random();
  DiskBatch batch;
  batch.put(Family::meta, "format", encode_fact("format", 0, kFormat));
  batch.put(Family::meta, "secret", encode_fact("secret", 0, pack(secret_)));
  if (auto done = db_->write(batch); !done) {
    return done;
  }
  if (auto done = db_->flush(); !done) {
    return done;
  }
  return find_segments();
}

Result<void> DiskTier::find_segments() {
  std::uint32_t low = 1;
  if (auto bytes = db_->get(Family::meta, "low")) {
    auto fact = decode_fact("low", bytes->view());
    if (!fact) {
      return fail(Code::corrupt, Side::cache);
    }
    low = std::max(low, fact->segment);
  }
  auto bodies = first_rows(Family::body, low);
  auto dirs = first_rows(Family::dir, low);
  if (!bodies || !dirs) {
    return fail(bodies ? dirs.error() : bodies.error());
  }
  // A file at the border may hold the end of a segment that was dropped: the lowest one, if it does
  // not begin with position 0, is dead.
  if (!bodies->empty() && bodies->front().position != 0) {
    low = bodies->front().segment + 1;
  }
  std::uint32_t highest = low - 1;
  for (const BodyRow& each : *bodies) {
    std::string prefix = segment_prefix(each.segment);
    segments_->found(each.segment,
                     db_->approximate_size(Family::body, prefix, after_prefix(prefix)));
    highest = std::max(highest, each.segment);
  }
  for (const BodyRow& each : *dirs) { // a segment of small objects has no row in `body`
    segments_->found(each.segment, 0);
    highest = std::max(highest, each.segment);
  }
  if (highest == std::numeric_limits<std::uint32_t>::max()) {
    return fail(Code::corrupt, Side::cache);
  }
  segments_->begin(low, highest + 1);
  return {};
}

/// The first row of each segment from `from` on; of `dir`: its position means nothing.
Result<std::vector<BodyRow>> DiskTier::first_rows(Family family, std::uint32_t from) {
  std::vector<BodyRow> rows;
  std::string at = segment_prefix(from);
  while (!at.empty()) {
    std::optional<BodyRow> found;
    auto done = db_->scan(family, at, {}, [&found](std::string_view row, std::string_view) {
      found = parse_body_row(row.substr(0, 8));
      return false;
    });
    if (!done) {
      return fail(done.error());
    }
    if (!found) {
      break;
    }
    rows.push_back(*found);
    at = after_prefix(segment_prefix(found->segment));
  }
  return rows;
}

void DiskTier::start() {
  DiskStorageSettings settings;
  settings.capacity = settings_.capacity;
  settings.dirty_bytes =
      settings_.dirty_bytes != 0 ? settings_.dirty_bytes : dirty_size(settings_.capacity);
  settings.pending_bytes = settings_.queue_bytes / 4;
  settings.secret = secret_;
  settings.host_of_key = settings_.host_of_key;
  storage_ = std::make_unique<DiskStorage>(*db_, *segments_, *hits_, settings);
  writer_ = std::make_unique<DiskWriter>(*storage_, *db_, fault_,
                                         DiskWriter::Settings{settings_.queue_bytes,
                                                              settings_.flush, settings_.retry,
                                                              settings_.on_thread_start});
}

} // namespace weir::cache

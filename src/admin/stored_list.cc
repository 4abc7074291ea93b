// SPDX-License-Identifier: Apache-2.0
#include "admin/stored_list.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "cache/coded_copy.h"
#include "cache/key.h"

namespace weir::admin {
namespace {

constexpr std::uint64_t kPiece = 1 << 20;

struct OrderName {
  std::string_view name;
  StoredOrder order;
};
constexpr std::array kOrders = {
    OrderName{"url", StoredOrder::url},   OrderName{"size", StoredOrder::size},
    OrderName{"age", StoredOrder::age},   OrderName{"ttl", StoredOrder::ttl},
    OrderName{"hits", StoredOrder::hits}, OrderName{"saved", StoredOrder::saved},
};

/// One that may be told.
struct Row {
  std::int64_t rank = 0; // the greater the sooner, then by URL
  std::string url;
  cache::Tier* tier = nullptr;
  Hash128 key;
  std::string place;
  std::string selecting;
  std::string mime;
  std::vector<std::string> tags;
  std::uint16_t status = 0;
  std::uint64_t size = 0;
  Duration age{};
  Duration ttl{};
  std::uint32_t hits = 0;
  bool memory = false;

  bool before(std::int64_t other_rank, std::string_view other_url) const {
    return rank != other_rank ? rank > other_rank : url <= other_url;
  }
};

Json row_json(const Row& row) {
  Json out;
  out["url"] = row.url;
  out["place"] = row.place;
  out["cache"] = row.tier->name;
  out["status"] = row.status;
  out["mime"] = row.mime;
  out["size"] = row.size;
  out["age_seconds"] = seconds(row.age);
  out["ttl_seconds"] = seconds(row.ttl);
  out["hits"] = row.hits;
  out["saved_bytes"] = row.size * row.hits;
  out["tags"] = row.tags;
  out["stores"] = Json::array({row.memory ? "memory" : "disk"});
  cache::DiskTier* disk = row.tier->disk.get();
  if (row.memory && disk != nullptr && disk->read_variant(row.key, disk->hash_of(row.selecting))) {
    out["stores"].push_back("disk");
  }
  return out;
}

/// What a row is made of.
struct Found {
  cache::Tier& tier;
  const cache::Subject& subject;
  Hash128 key;
  std::string_view selecting;
  std::uint32_t hits = 0;
  bool memory = false; // its body is there
};

class Listing {
public:
  Listing(const StoredAsk& ask, const Ending& ending) : ask_(ask), ending_(ending) {}

  void walk(cache::Tier& tier);
  Answer answer();

private:
  void see(const Found& found);
  void see_entry(cache::Tier& tier, const cache::Entry& entry);
  void see_row(cache::Tier& tier, const cache::MetaRow& row, const cache::Meta& meta);
  std::int64_t rank(const Found& found, Duration age, Duration ttl) const;
  void keep(Row row);

  const StoredAsk& ask_;
  const Ending& ending_;
  const WallTime now_ = Clock::wall();
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
  bool sound_ = true;
  std::vector<Row> rows_; // a heap, the last of them on top
};

bool row_before(const Row& a, const Row& b) { return a.before(b.rank, b.url); }

std::int64_t Listing::rank(const Found& found, Duration age, Duration ttl) const {
  switch (ask_.order) {
  case StoredOrder::url:
    return 0;
  case StoredOrder::size:
    return static_cast<std::int64_t>(found.subject.body_size);
  case StoredOrder::age:
    return age.count();
  case StoredOrder::ttl:
    return ttl.count();
  case StoredOrder::hits:
    return found.hits;
  case StoredOrder::saved:
    return static_cast<std::int64_t>(found.subject.body_size * found.hits);
  }
  return 0;
}

void Listing::keep(Row row) {
  if (rows_.size() >= ask_.limit) {
    std::pop_heap(rows_.begin(), rows_.end(), row_before);
    rows_.pop_back();
  }
  rows_.push_back(std::move(row));
  std::push_heap(rows_.begin(), rows_.end(), row_before);
}

void Listing::see(const Found& found) {
  const cache::Subject& subject = found.subject;
  if (!ask_.where->matches(subject, now_)) {
    return;
  }
  Duration age = std::max(now_ - subject.born, Duration::zero());
  Duration ttl = subject.lifetime - age;
  if (found.tier.bans.concern(subject.purge_number)) { // a purge that is being carried out
    cache::Bans::Verdict verdict = found.tier.bans.judge(subject);
    if (verdict.effect == cache::Bans::Effect::hard) {
      return;
    }
    if (verdict.effect == cache::Bans::Effect::soft) {
      ttl = std::min(ttl, verdict.at - now_);
    }
  }
  ++count_;
  bytes_ += subject.body_size;
  Row row;
  row.rank = rank(found, age, ttl);
  row.url = cache::key_url(subject.key);
  if (ask_.limit == 0 || (rows_.size() >= ask_.limit && rows_.front().before(row.rank, row.url))) {
    return;
  }
  row.tier = &found.tier;
  row.key = found.key;
  row.place = cache::key_parts(subject.key).realm;
  row.selecting = found.selecting;
  row.mime = media_type(subject.head);
  row.tags.assign(subject.tags.begin(), subject.tags.end());
  row.status = subject.status;
  row.size = subject.body_size;
  row.age = age;
  row.ttl = ttl;
  row.hits = found.hits;
  row.memory = found.memory;
  keep(std::move(row));
}

void Listing::see_entry(cache::Tier& tier, const cache::Entry& entry) {
  see({tier, cache::Subject::of(entry), entry.hash(), entry.selecting(), entry.hits(),
       !entry.disk_body()});
}

/// What memory has too was seen there.
void Listing::see_row(cache::Tier& tier, const cache::MetaRow& row, const cache::Meta& meta) {
  if (!cache::is_coded_copy(meta.key) && !tier.directory.has(meta.key, row.key, meta.selecting)) {
    see({tier, cache::Subject::of(meta), row.key, meta.selecting, 0, false});
  }
}

void Listing::walk(cache::Tier& tier) {
  for (std::size_t part = 0; part < cache::Directory::kShards; ++part) {
    for (const auto& entry : tier.directory.entries(part)) {
      see_entry(tier, *entry);
    }
  }
  auto see = [&](const cache::MetaRow& row, const cache::StoredVariant& found) {
    see_row(tier, row, found.meta);
    return !ending_();
  };
  if (tier.disk && !tier.disk->for_each_variant(see)) {
    sound_ = false;
  }
}

Answer Listing::answer() {
  std::sort_heap(rows_.begin(), rows_.end(), row_before);
  Json stored = Json::array();
  for (const Row& row : rows_) {
    stored.push_back(row_json(row));
  }
  Json body;
  body["stored"] = std::move(stored);
  body["count"] = count_;
  body["bytes"] = bytes_;
  if (!sound_) {
    body["note"] = "the disk could not be read: what only it has is missing";
  }
  return success(std::move(body));
}

/// What a walk over one disk found.
struct Checked {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
};

/// False: the disk could not be read, or the daemon ends.
bool verify_one(cache::DiskTier& disk, const cache::StoredVariant& found, const Ending& ending,
                Checked& checked) {
  std::uint64_t size = found.meta.body_size;
  for (std::uint64_t at = 0; at < size; at += kPiece) {
    auto read = disk.read_body(found.body, at, std::min(kPiece, size - at));
    if (!read && read.error().code == Code::not_found) {
      return true; // it went meanwhile
    }
    if (!read && read.error().code != Code::corrupt) {
      return false;
    }
    if (!read) {
      ++checked.damaged;
      return true;
    }
    if (ending()) {
      return false;
    }
  }
  ++checked.objects;
  checked.bytes += size;
  return true;
}

bool verify_disk(cache::DiskTier& disk, const Ending& ending, Checked& checked) {
  bool sound = disk.flush().has_value();
  auto verify = [&](const cache::MetaRow&, const cache::StoredVariant& found) {
    sound = sound && verify_one(disk, found, ending, checked);
    return sound;
  };
  return disk.for_each_variant(verify) && sound;
}

} // namespace

std::string stored_orders() {
  std::string all;
  for (const OrderName& each : kOrders) {
    all.append(all.empty() ? "" : ", ").append(each.name);
  }
  return all;
}

std::optional<StoredOrder> find_stored_order(std::string_view name) {
  for (const OrderName& each : kOrders) {
    if (each.name == name) {
      return each.order;
    }
  }
  return std::nullopt;
}

Answer list_stored(const proxy::Generation& generation, const StoredAsk& ask,
                   const Ending& ending) {
  Listing listing(ask, ending);
  for (cache::Tier* tier : generation.caches) {
    listing.walk(*tier);
  }
  return listing.answer();
}

Answer verify_stored(const proxy::Generation& generation, const Ending& ending) {
  auto begun = std::chrono::steady_clock::now();
  Json caches = Json::array();
  bool damaged = false;
  std::string unread;
  for (cache::Tier* tier : generation.caches) {
    if (!tier->disk) {
      continue;
    }
    Checked checked;
    if (!verify_disk(*tier->disk, ending, checked)) {
      unread = tier->name;
    }
    damaged = damaged || checked.damaged > 0;
    Json one;
    one["cache"] = tier->name;
    one["objects"] = checked.objects;
    one["bytes"] = checked.bytes;
    one["damaged"] = checked.damaged;
    caches.push_back(std::move(one));
  }
  Answer answer;
  if (!unread.empty()) {
    answer = failure(Exit::failed, "the disk of cache " + unread + " could not be read to its end");
  } else if (damaged) {
    answer = failure(Exit::failed, "there was damage: what was damaged has been removed");
  }
  answer.body["caches"] = std::move(caches);
  answer.body["seconds"] =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return answer;
}

} // namespace weir::admin

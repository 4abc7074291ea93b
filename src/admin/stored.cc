// SPDX-License-Identifier: Apache-2.0
#include "admin/stored.h"

#include <algorithm>

#include "cache/rfc9111.h"

namespace weir::admin {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

/// Field names with their values, readable: {"accept-encoding": "gzip"}.
Json selecting_json(std::string_view vary, std::string_view selecting) {
  Json out = Json::object();
  while (!vary.empty()) {
    std::size_t comma = std::min(vary.find(','), vary.size());
    std::size_t end = std::min(selecting.find('\0'), selecting.size());
    out[std::string(vary.substr(0, comma))] = std::string(selecting.substr(0, end));
    vary.remove_prefix(std::min(comma + 1, vary.size()));
    selecting.remove_prefix(std::min(end + 1, selecting.size()));
  }
  return out;
}

Json variant_json(std::string_view store, const cache::Meta& meta, Duration age) {
  const cache::Freshness& fresh = meta.freshness;
  Json out;
  out["stores"] = Json::array({std::string(store)});
  out["status"] = meta.status;
  out["age_seconds"] = seconds(age);
  out["ttl_seconds"] = seconds(fresh.lifetime - age);
  out["fresh"] = age < fresh.lifetime && !fresh.no_cache;
  out["size"] = meta.body_size;
  out["etag"] = meta.etag;
  out["vary"] = selecting_json(meta.vary, meta.selecting);
  out["tags"] = meta.tags;
  return out;
}

/// What it is stored as beside: {"br": 1234}, in bytes.
Json codings_json(const cache::Entry& entry) {
  Json out = Json::object();
  for (const cache::Sibling* each = entry.siblings().get(); each != nullptr;
       each = each->next().get()) {
    if (each->gains()) {
      out[std::string(http::name(each->coding()))] = each->body_size();
    }
  }
  return out;
}

/// The disk's copies: a variant that memory has too only gets the word.
void add_disk(cache::DiskTier& disk, const cache::Key& key, std::vector<std::string>& known,
              Json& all) {
  auto record = disk.read_key(key.hash);
  if (!record || record->key != key.bytes) {
    return;
  }
  for (const cache::KeyRecord::Variant& each : record->variants) {
    auto stored = disk.read_variant(key.hash, each.hash);
    if (!stored) {
      continue;
    }
    auto same = std::find(known.begin(), known.end(), stored->meta.selecting);
    if (same != known.end()) {
      Json& stores = all[static_cast<std::size_t>(same - known.begin())]["stores"];
      if (stores.back() != "disk") {
        stores.push_back("disk");
      }
    } else {
      all.push_back(variant_json("disk", stored->meta,
                                 cache::current_age(stored->meta.freshness, Clock::wall())));
      known.push_back(stored->meta.selecting);
    }
  }
}

} // namespace

Json stored_json(cache::Tier& tier, const cache::Key& key) {
  Json all = Json::array();
  std::vector<std::string> known; // selecting values of the members of `all`
  for (const Ref<const cache::Entry>& entry : tier.directory.variants(key.bytes, key.hash)) {
    cache::Meta meta = entry->to_meta();
    bool on_disk = static_cast<bool>(entry->disk_body());
    all.push_back(variant_json(on_disk ? "disk" : "memory", meta, entry->age(Clock::mono())));
    all.back()["memory_bytes"] = entry->cost();
    all.back()["codings"] = codings_json(*entry);
    known.push_back(std::move(meta.selecting));
  }
  if (tier.disk) {
    add_disk(*tier.disk, key, known, all);
  }
  return all;
}

} // namespace weir::admin

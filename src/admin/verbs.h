// SPDX-License-Identifier: Apache-2.0
//
// One function a verb of verb_table.h. Each answers ask.reply once: at once, or later (a reload, a
// query on a background thread). Main thread.
#pragma once

#include "admin/daemon.h"
#include "admin/reply.h"
#include "base/ref.h"

namespace weir::admin {

struct Ask {
  Daemon& daemon;
  const Json& arguments; // checked by the table
  Ref<Reply> reply;

  void answer(Answer what) const { reply->set(std::move(what)); }
  std::string text(std::string_view name) const { return text_of(arguments, name); }
  bool flag(std::string_view name) const { return flag_of(arguments, name); }
};

/// Finds the function of a verb. Null for `tail`: the session does it.
using VerbFunction = void (*)(const Ask&);
VerbFunction find_function(const Verb& verb) noexcept;

// verbs_config.cc
void config_test(const Ask& ask);
void config_show(const Ask& ask);
void config_fmt(const Ask& ask);
void reload(const Ask& ask);
// verbs_status.cc
void status(const Ask& ask);
void cache_stat(const Ask& ask);
void stop(const Ask& ask);
void version(const Ask& ask);
// verbs_cache.cc
void cache_get(const Ask& ask);
void cache_show(const Ask& ask);
void cache_ls(const Ask& ask);
void cache_top(const Ask& ask);
void cache_verify(const Ask& ask);
void purge(const Ask& ask);
void purge_log(const Ask& ask);
// verbs_limits.cc
void limit_ls(const Ask& ask);
void limit_top(const Ask& ask);
void limit_reset(const Ask& ask);
// verbs_warm.cc
void cache_warm(const Ask& ask);
// verbs_rules.cc
void explain(const Ask& ask);
void routes(const Ask& ask);
void list_lookup(const Ask& ask);
// certificates.cc
void cert_ls(const Ask& ask);
// verbs.cc: of a file, which weirctl changes
void user_verb(const Ask& ask);
// verbs_log.cc
void log_sql(const Ask& ask);
void log_req(const Ask& ask);

} // namespace weir::admin

// SPDX-License-Identifier: Apache-2.0
//
// What `cert ls` answers, from the daemon's certificates or from those of a file.
#pragma once

#include <span>

#include "admin/answer.h"
#include "config/load.h"

namespace weir::proxy {
struct CertificateUse;
}

namespace weir::admin {

Answer certificates_answer(std::span<const proxy::CertificateUse> certificates, WallTime now);
/// Those of a configuration, read here; its mistakes in them are told.
Answer certificates_of(const config::Config& config, WallTime now);
/// Reads the files that TLS needs, and adds what is wrong with them; an error takes the Config
/// away.
void check_tls(config::Loaded& loaded);

} // namespace weir::admin

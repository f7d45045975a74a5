namespace EstProv.Configuration.Import;

/// <summary>Why a setting has no counterpart here, and what to do where it mattered.</summary>
internal static class LeftBehind
{
    /// <summary>What IoT Edge's own daemon keeps in the same file.</summary>
    private static readonly string[] s_edge =
    [
        "edge_ca", "agent", "connect", "listen", "moby_runtime", "image_garbage_collection", "auto_reprovisioning_mode", "watchdog",
        "allow_elevated_docker_permissions", "manifest_trust_bundle_cert", "imported_master_encryption_key", "additional_info", "iotedge_max_requests",
    ];

    /// <param name="key">Dotted, from the file's top.</param>
    /// <returns>A hint.</returns>
    public static string Hint(string key)
    {
        if (key == "hostname") return "certd takes the machine's own; what a certificate is to be called stands in its common_name or subject";
        if (key.Contains("auto_renew", StringComparison.Ordinal))
            return "renewal needs no setting; whoever wants another window or retry than the usual sets [cert_issuance.est.renewal]";
        foreach (var name in s_edge)
        {
            if (key == name || key.StartsWith(name + ".", StringComparison.Ordinal)) return "it is IoT Edge's, and stays in its own configuration";
        }

        return "there is nothing of the kind here; 'estprov config reference' has all that there is";
    }
}

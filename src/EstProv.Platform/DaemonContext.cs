using Microsoft.Extensions.Logging;

namespace EstProv.Platform;

/// <summary>What a role gets from the executable: where its files are, and the world it runs in.</summary>
public sealed record DaemonContext
{
    /// <summary><c>--config</c>.</summary>
    public required string ConfigFile { get; init; }

    /// <summary><c>--config-dir</c>; its <c>*.toml</c> are merged in byte order. Need not exist.</summary>
    public required string ConfigDir { get; init; }

    /// <summary><c>--runtime-dir</c>: the folder of the three sockets.</summary>
    public required string RuntimeDir { get; init; }

    /// <summary><c>--check</c>: read the configuration, say all that is wrong with it, and return.</summary>
    public bool CheckOnly { get; init; }

    /// <summary>What root does before it acts in the place of the daemon's user, whose name it is given.</summary>
    public Action<string> TakeOnUser { get; init; } = static _ => { };

    /// <summary>The product's version.</summary>
    public string Version { get; init; } = "";

    public required ILoggerFactory Loggers { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>When the program was built: nothing can be earlier.</summary>
    public required DateTimeOffset BuildTime { get; init; }

    /// <summary>Set by SIGTERM and SIGINT.</summary>
    public required CancellationToken Stopping { get; init; }

    /// <summary>
    /// Starts the program anew in the same process: variables added to its environment, descriptors that stay open. Returns errno when it
    /// fails; null where this process cannot be replaced.
    /// </summary>
    public Func<IReadOnlyDictionary<string, string>, int[], int>? Replace { get; init; }

    public string KeydSocket => Path.Combine(RuntimeDir, "keyd.sock");

    public string CertdSocket => Path.Combine(RuntimeDir, "certd.sock");

    public string IdentitydSocket => Path.Combine(RuntimeDir, "identityd.sock");
}

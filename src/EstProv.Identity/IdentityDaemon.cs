using EstProv.Certificates.Client;
using EstProv.Configuration;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Live;
using EstProv.Identity.Api;
using EstProv.Identity.Dps;
using EstProv.Keys.Tls;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity;

/// <summary>The role <c>estprov-identityd</c>.</summary>
public static partial class IdentityDaemon
{
    /// <summary>EX_CONFIG of sysexits.h: restarting does not help.</summary>
    private const int ConfigurationError = 78;

    private const string KeydUser = "estprov-keyd", CertdUser = "estprov-certd", InheritedSocket = "identityd";

    private static readonly TimeSpan LocalTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Serves until <see cref="DaemonContext.Stopping"/>.</summary>
    /// <returns>The exit code: 0; 78 when the configuration cannot be used.</returns>
    /// <exception cref="ProblemException">The socket or the state folder cannot be used.</exception>
    public static int Run(DaemonContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var logger = context.Loggers.CreateLogger("identityd");
        var source = new LiveSource<IdentitydConfiguration>(context.ConfigFile, context.ConfigDir, ConfigurationLoader.LoadIdentityd,
            Users.FindUser);
        var loaded = source.LoadFirst();
        if (context.CheckOnly)
        {
            Console.Error.Write(loaded.ToTerminalText());
            return loaded.Value is null ? ConfigurationError : 0;
        }

        loaded.WriteTo(logger);
        if (loaded.Value is not { } configuration) return ConfigurationError;

        ProcessHardening.ForbidCoreDumps();
        PrepareFolder(configuration.HomedirPath);
        Serve(context, configuration, source, logger);
        return 0;
    }

    private static void Serve(DaemonContext context, IdentitydConfiguration configuration, LiveSource<IdentitydConfiguration> source,
        ILogger logger)
    {
        var notify = new SystemdNotify();
        var clock = new BelievedClock(context.Time, context.BuildTime, Path.Combine(configuration.HomedirPath, "clock"));
        using var keyd = new LocalClient(context.KeydSocket, KeydUser, "Key Service", LocalTimeout);
        using var certd = new LocalClient(context.CertdSocket, CertdUser, "Certificates Service", LocalTimeout);
        var certificates = new CertificateClient(certd);
        using var keys = new ProviderKeys(keyd, context.KeydSocket);
        var socket = new LocalServerOptions
        {
            SocketPath = context.IdentitydSocket,
            Version = context.Version,
            AliasPaths = configuration.AliasSockets,
            InheritedSocketName = InheritedSocket,
            MaxRequestsPerUid = configuration.MaxRequests,
            Watchdog = notify,
        };
        var identities = new ProviderIdentities(keys);
        var principals = new LivePrincipals<IdentitydConfiguration, IReadOnlyList<IdentityPrincipal>>(
            source, configuration, static configuration => configuration.Principals, context.Time, logger);
        using var service = new IdentityService(configuration, socket, certificates, certd, new KeydQueries(keyd), identities.Open, clock,
            logger, context.Stopping, () => principals.Current);
        service.Start();
        Log.Serving(logger, context.IdentitydSocket);
        notify.Ready();
        Footprint.Wait(context.Stopping);
        notify.Stopping();
        service.Stop();
    }

    private static void PrepareFolder(string folder)
    {
        try
        {
            AtomicFile.CreateFolder(folder);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("state_folder", $"cannot make the state folder {folder}",
                "make it and give it to the daemon's user, or set homedir_path", inner: cause);
        }

        AtomicFile.RemoveLeftovers(folder);
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "serving on {Socket}")]
        public static partial void Serving(ILogger logger, string socket);
    }
}

using EstProv.Certificates.Api;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Live;
using EstProv.LocalApi;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates;

/// <summary>The Certificates Service: the device's certificates, from their first issue on.</summary>
public static partial class CertificateDaemon
{
    private const int Done = 0;
    private const int Failed = 1;
    private const int BadConfiguration = 78; // EX_CONFIG of sysexits.h: a restart does not help

    /// <summary>Serves until it is stopped, or, with <see cref="DaemonContext.CheckOnly"/>, says all that is wrong with the configuration and the files that it names.</summary>
    /// <returns>0; 78 for a configuration that cannot be used; 1 when the check fails otherwise.</returns>
    /// <exception cref="ProblemException">The socket cannot be served.</exception>
    public static int Run(DaemonContext context)
    {
        ProcessHardening.ForbidCoreDumps();
        var source = new LiveSource<CertdConfiguration>(context.ConfigFile, context.ConfigDir, ConfigurationLoader.LoadCertd, Users.FindUser);
        var loaded = source.LoadFirst();
        var logger = context.Loggers.CreateLogger("certd");
        if (context.CheckOnly) Console.Error.Write(loaded.ToTerminalText());
        else loaded.WriteTo(logger);
        if (loaded.Value is not { } configuration) return BadConfiguration;
        if (configuration.Est is not { TrustSystem: true }) SystemTrustStore.LeaveUnread();
        if (context.CheckOnly) return CertificateCheck.Run(configuration, logger) ? Done : Failed;
        Serve(configuration, source, context, logger);
        return Done;
    }

    private static void Serve(CertdConfiguration configuration, LiveSource<CertdConfiguration> source, DaemonContext context, ILogger logger)
    {
        var notify = new SystemdNotify();
        var changes = new ChangeFeed(context.Time);
        using var service = new CertificateComposition(configuration, context, changes, logger);
        using var server = new LocalServer(
            new LocalServerOptions
            {
                SocketPath = context.CertdSocket,
                Version = context.Version,
                AliasPaths = configuration.AliasSockets,
                MaxRequestsPerUid = configuration.MaxRequests,
                Watchdog = notify,
            },
            logger, context.Time);
        var principals = new LivePrincipals<CertdConfiguration, CertificateRules>(source, configuration,
            static configuration => new CertificateRules(configuration.Principals, Users.FindUser("estprov-identityd") ?? Users.Self), context.Time, logger);
        service.Map(server, new CertificateRights(() => principals.Current, new DenialLog(logger, context.Time)), changes);
        server.Start();
        service.Start();
        Log.Serving(logger, context.CertdSocket, configuration.HomedirPath);
        notify.Ready();
        Footprint.Wait(context.Stopping);
        notify.Stopping();
        Log.Stopping(logger);
        server.Stop();
    }

    private static partial class Log
    {
        [LoggerMessage(2, LogLevel.Information, "serving on {Socket}; certificates are in {Folder}")]
        public static partial void Serving(ILogger logger, string socket, string folder);

        [LoggerMessage(3, LogLevel.Information, "stopping")]
        public static partial void Stopping(ILogger logger);
    }
}

using EstProv.Configuration;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Live;
using EstProv.Keys.Authorization;
using EstProv.Keys.Handles;
using EstProv.Keys.Index;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.Routes;
using EstProv.Keys.Service;
using EstProv.LocalApi;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys;

/// <summary>The Key Service: the one process that touches the token and knows its PIN.</summary>
public static partial class KeyDaemon
{
    private const int Done = 0;
    private const int Failed = 1;
    private const int BadConfiguration = 78; // EX_CONFIG of sysexits.h: a restart does not help

    /// <summary>
    /// Serves until it is stopped, or, with <see cref="DaemonContext.CheckOnly"/>, says all that is wrong with the configuration and the token.
    /// </summary>
    /// <returns>0; 78 for a configuration that cannot be used; 1 when the check fails otherwise.</returns>
    /// <exception cref="ProblemException">The socket cannot be served.</exception>
    public static int Run(DaemonContext context)
    {
        ProcessHardening.ForbidCoreDumps();
        var source = new LiveSource<KeydConfiguration>(context.ConfigFile, context.ConfigDir, ConfigurationLoader.LoadKeyd, Users.FindUser);
        var loaded = source.LoadFirst();
        var logger = context.Loggers.CreateLogger("keyd");
        if (context.CheckOnly) Console.Error.Write(loaded.ToTerminalText());
        else loaded.WriteTo(logger);
        if (loaded.Value is not { } configuration) return BadConfiguration;
        using var unused = configuration;
        var parsed = Uris.TryParse(configuration, out var uris);
        using var pins = uris;
        if (!parsed) return BadConfiguration;
        if (context.CheckOnly) return KeyCheck.Run(configuration, uris, context) ? Done : Failed;
        Serve(configuration, source, uris, context, logger);
        return Done;
    }

    private static void Serve(KeydConfiguration configuration, LiveSource<KeydConfiguration> source, Uris uris, DaemonContext context, ILogger logger)
    {
        var folder = new StateFolder(configuration.HomedirPath);
        var handleKey = new HandleKey(folder, logger);
        try
        {
            handleKey.Prepare();
        }
        catch (ProblemException problem)
        {
            Log.StateUnavailable(logger, problem.ToLogText());
        }

        using var keys = new KeyComposition(configuration, uris, new PinMemory(folder.Pins), folder.Files, context.Time, logger);

        var principals = new LivePrincipals<KeydConfiguration, KeyRules>(source, configuration,
            static configuration => new KeyRules(DefaultPrincipals.AddTo(configuration.Principals, Users.FindUser, Users.Self)), context.Time, logger);
        var authorizer = new Authorizer(() => principals.Current, new DenialLog(logger, context.Time));
        var service = new KeyService(keys.Stores, new KeyIndex(folder.Index), new HandleSealer(handleKey), authorizer, keys.Preloaded, logger);

        var notify = new SystemdNotify();
        var options = new LocalServerOptions
        {
            SocketPath = context.KeydSocket,
            Version = context.Version,
            AliasPaths = configuration.AliasSockets,
            MaxRequestsPerUid = configuration.MaxRequests,
            Watchdog = notify,
            Expired = () => keys.Connection?.CheckForHang(),
        };
        using var restart = new HangRestart(context, logger);
        if (keys.Connection is { } connection) connection.Hangs = restart.Want;
        using var server = new LocalServer(options, logger, context.Time);
        new KeyRoutes(service).Map(server);
        new TokenRoute(keys).Map(server);
        server.MapMetrics(metrics =>
        {
            service.WriteMetrics(metrics);
            keys.Connection?.WriteMetrics(metrics);
        });
        server.Start();
        Log.Serving(logger, context.KeydSocket, keys.Description);
        notify.Ready();

        // The first request finds the token open. A token that is absent is no reason not to serve: the answers say so.
        var warmUp = new Thread(() => WarmUp(keys, service, logger)) { IsBackground = true, Name = "open-token" };
        warmUp.Start();
        Footprint.Wait(restart.Ended);
        if (restart.IsWanted) restart.Restart(server);
        notify.Stopping();
        Log.Stopping(logger);
        server.Stop();
        warmUp.Join(options.DrainTime);
    }

    private static void WarmUp(KeyComposition keys, KeyService service, ILogger logger)
    {
        try
        {
            keys.Token?.Connect();
        }
        catch (ProblemException problem)
        {
            Log.TokenUnavailable(logger, problem.ToLogText());
        }
        catch (Exception cause) when (cause is not OutOfMemoryException)
        {
            // Whatever a module does: this thread's end must not be the daemon's. A request that meets it again is answered 500.
            Log.TokenUnavailable(logger, $"unforeseen {cause.GetType().Name} (code=internal)");
        }

        service.Settle();
    }

    private static partial class Log
    {
        [LoggerMessage(2, LogLevel.Information, "serving on {Socket}; keys are in {Store}")]
        public static partial void Serving(ILogger logger, string socket, string store);

        [LoggerMessage(3, LogLevel.Error, "the token cannot be used now; it is tried again by the next request: {Problem}")]
        public static partial void TokenUnavailable(ILogger logger, string problem);

        [LoggerMessage(4, LogLevel.Error, "the state cannot be written now; it is tried again by the next request: {Problem}")]
        public static partial void StateUnavailable(ILogger logger, string problem);

        [LoggerMessage(5, LogLevel.Information, "stopping")]
        public static partial void Stopping(ILogger logger);
    }
}

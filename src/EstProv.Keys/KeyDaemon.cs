using EstProv.Configuration;
using EstProv.Configuration.Keyd;
using EstProv.Keys.Authorization;
using EstProv.Keys.Handles;
using EstProv.Keys.Index;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.Routes;
using EstProv.Keys.Service;
using EstProv.LocalApi;
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
    /// <returns>0; 78 for a configuration that cannot be used; 1 for another failure.</returns>
    public static int Run(DaemonContext context)
    {
        ProcessHardening.ForbidCoreDumps();
        var loaded = ConfigurationLoader.LoadKeyd(context.ConfigFile, context.ConfigDir, Users.FindUser);
        var logger = context.Loggers.CreateLogger("keyd");
        if (context.CheckOnly || loaded.Value is null) Console.Error.Write(loaded.ToTerminalText());
        else foreach (var warning in loaded.Warnings) Log.Warning(logger, warning.ToString(), warning.Hint);
        if (loaded.Value is not { } configuration) return BadConfiguration;
        if (!Uris.TryParse(configuration, out var uris)) return BadConfiguration;
        if (context.CheckOnly) return KeyCheck.Run(configuration, uris, context) ? Done : Failed;
        try
        {
            Serve(configuration, uris, context, logger);
            return Done;
        }
        catch (ProblemException problem)
        {
            Console.Error.WriteLine(problem.ToTerminalText());
            return Failed;
        }
    }

    private static void Serve(KeydConfiguration configuration, Uris uris, DaemonContext context, ILogger logger)
    {
        var folder = new StateFolder(configuration.HomedirPath);
        var sealer = HandleSealer.Open(folder.HandleKey, out var replaced);
        if (replaced) Log.HandlesVoid(logger, folder.HandleKey);
        using var keys = new KeyComposition(configuration, uris, new PinMemory(folder.Pins), folder.Files, context.Time, logger);

        var principals = DefaultPrincipals.AddTo(configuration.Principals, Users.FindUser, Users.Self);
        var service = new KeyService(keys.Stores, new KeyIndex(folder.Index), sealer, new Authorizer(principals, context.Time, logger), keys.Preloaded, logger);

        var notify = new SystemdNotify();
        var options = new LocalServerOptions
        {
            SocketPath = context.KeydSocket,
            MaxRequestsPerUid = configuration.MaxRequests,
            Watchdog = notify,
        };
        using var server = new LocalServer(options, logger, context.Time);
        new KeyRoutes(service).Map(server);
        server.Start();
        Log.Serving(logger, context.KeydSocket, keys.Description);
        notify.Ready();

        // The first request finds the token open. A token that is absent is no reason not to serve: the answers say so.
        var warmUp = new Thread(() => WarmUp(keys, service, logger)) { IsBackground = true, Name = "open-token" };
        warmUp.Start();
        context.Stopping.WaitHandle.WaitOne();
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

        service.Settle();
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning} (hint: {Hint})")]
        public static partial void Warning(ILogger logger, string warning, string hint);

        [LoggerMessage(Level = LogLevel.Information, Message = "Serving on {Socket}; keys are in {Store}")]
        public static partial void Serving(ILogger logger, string socket, string store);

        [LoggerMessage(Level = LogLevel.Error, Message = "The token cannot be used now; it is tried again by the next request: {Problem}")]
        public static partial void TokenUnavailable(ILogger logger, string problem);

        [LoggerMessage(Level = LogLevel.Warning, Message = "{File} was damaged and has been replaced: handles given out before are void, clients load their keys again")]
        public static partial void HandlesVoid(ILogger logger, string file);

        [LoggerMessage(Level = LogLevel.Information, Message = "Stopping")]
        public static partial void Stopping(ILogger logger);
    }
}

using EstProv.LocalApi.Server;
using Microsoft.Extensions.Logging;

namespace EstProv.LocalApi.Access;

/// <summary>One line for each request that was denied, limited for each uid, so that nobody fills the log by asking.</summary>
public sealed partial class DenialLog(ILogger logger, TimeProvider time)
{
    private readonly DenialLimiter _limiter = new(time);

    /// <param name="what">What was denied, behind "may not": <c>use the key 'device-id'</c>. Characters that would spoil the line are replaced.</param>
    public void Denied(PeerCredentials peer, string what)
    {
        if (!_limiter.MayLog(peer.Uid, out var suppressed)) return;
        Log.Denied(logger, peer.Uid, peer.Pid, CommandName.Of(peer.Pid), OneLine.Of(what), suppressed);
    }

    private static partial class Log
    {
        [LoggerMessage(108, LogLevel.Warning, "denied: user {Uid} (pid {Pid}, command '{Command}') may not {What} ({Suppressed} denials not logged before) (code=forbidden)")]
        public static partial void Denied(ILogger logger, object uid, object pid, string command, string what, object suppressed);
    }
}

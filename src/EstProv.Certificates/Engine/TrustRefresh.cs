using EstProv.Certificates.Issuing;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// Asks EST servers for new roots before those that are trusted end, where nothing else is asked of them for long (RFC 7030 section 4.1.2):
/// certificates may live longer than CAs.
/// </summary>
internal sealed class TrustRefresh(EngineParts parts, CredentialTable table, IdentityChoice identities)
{
    private int _isRunning;

    /// <summary>Starts a thread where a server is due; cheap where none is.</summary>
    public void Look(CancellationToken cancel)
    {
        if (parts.Est is not { IsTrustDue: true } || Shown() is not { } shown || Interlocked.Exchange(ref _isRunning, 1) == 1) return;
        try
        {
            new Thread(() => Ask(shown, cancel)) { IsBackground = true, Name = "trust" }.Start();
        }
        catch (Exception cause) when (cause is ThreadStartException or OutOfMemoryException)
        {
            // The next look tries again.
            _isRunning = 0;
        }
    }

    /// <returns>Null while there is nothing to show.</returns>
    private ShownCredential? Shown()
    {
        if (parts.Configuration.Est!.Method == EstAuthentication.Basic) return identities.SharedPassword;
        lock (table.Gate)
        {
            if (table.Identity is not { } identity || !Needs.IsReady(identity, parts.Clock)) return null;
        }

        try
        {
            return identities.Shown(table.Identity);
        }
        catch (ProblemException)
        {
            // It is being looked at; the next look tries again.
            return null;
        }
    }

    private void Ask(ShownCredential shown, CancellationToken cancel)
    {
        try
        {
            parts.Est!.RefreshTrust(shown, cancel);
        }
        catch (ProblemException problem)
        {
            parts.Events.Note(shown.Name,
                $"the EST server was to be asked for new roots, since one ends before long; it is tried again in a day or more: {problem.ToLogText()}");
        }
#pragma warning disable CA1031 // Whatever it is: an exception here would end the process.
        catch (Exception cause)
#pragma warning restore CA1031
        {
            if (cancel.IsCancellationRequested) return;
            parts.Events.Note(shown.Name,
                $"asking the EST server for new roots failed: unexpected {cause.GetType().Name}; it is tried again in a day or more");
        }
        finally
        {
            Interlocked.Exchange(ref _isRunning, 0);
        }
    }
}

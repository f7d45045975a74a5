using EstProv.Est;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// Connections to EST servers: one client for each server, credential and set of anchors, which its labels share. A client that is no longer wanted is closed when
/// its last request has been answered.
/// </summary>
/// <param name="connect">Makes the client for a URL and a credential.</param>
internal sealed class EstSessions(Func<Uri, ShownCredential, AnchorSet, EstClient> connect, ITlsIdentities identities) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Key, Session> _sessions = [];

    private readonly record struct Key(string Origin, ShownCredential Shown, string Trust);

    private sealed class Session(ShownCredential shown, EstClient client)
    {
        public ShownCredential Shown => shown;

        public EstClient Client => client;

        public int Users { get; set; }

        public bool Retired { get; set; }

        public bool ClosesIdentity { get; set; }
    }

    /// <summary>A client for the duration of one operation.</summary>
    internal sealed class Lease(EstClient client, Action giveBack) : IDisposable
    {
        public EstClient Client => client;

        public void Dispose() => giveBack();
    }

    public Lease Take(Uri url, ShownCredential shown, AnchorSet anchors)
    {
        var key = new Key(Origin(url), shown, anchors.Fingerprint);
        lock (_gate)
        {
            if (!_sessions.TryGetValue(key, out var session))
            {
                // keyd is asked here for the public key; others wait for at most that.
                session = new Session(shown, connect(url, shown, anchors));
                _sessions.Add(key, session);
            }

            session.Users++;
            return new Lease(session.Client.ForLabel(url), () => GiveBack(session));
        }
    }

    /// <summary>Makes sure that the next request to this server is made over a new connection.</summary>
    public void Renew(Uri url, ShownCredential shown) => Retire(key => key.Shown == shown && key.Origin == Origin(url), closeIdentity: false);

    /// <summary>Other identities, of certificates with an authentication of their own, are in use as well.</summary>
    public void Forget(ShownCredential inUse) =>
        Retire(key => key.Shown.InTls != inUse.InTls && (!key.Shown.IsIdentity || key.Shown.Name == inUse.Name), closeIdentity: true);

    public void Drop(ShownCredential refused) => Retire(key => key.Shown.InTls == refused.InTls, closeIdentity: true);

    public void Dispose() => Retire(static _ => true, closeIdentity: true);

    private void GiveBack(Session session)
    {
        lock (_gate)
        {
            session.Users--;
            if (session is not { Retired: true, Users: 0 }) return;
        }

        Close(session);
    }

    private void Retire(Func<Key, bool> which, bool closeIdentity)
    {
        List<Session> unused = [];
        lock (_gate)
        {
            foreach (var (key, session) in _sessions)
            {
                if (!which(key)) continue;
                _sessions.Remove(key);
                session.Retired = true;
                session.ClosesIdentity = closeIdentity;
                if (session.Users == 0) unused.Add(session);
            }
        }

        foreach (var session in unused) Close(session);
    }

    private void Close(Session session)
    {
        session.Client.Dispose();
        if (session.ClosesIdentity) identities.Close(session.Shown);
    }

    private static string Origin(Uri url) => url.GetLeftPart(UriPartial.Authority);
}

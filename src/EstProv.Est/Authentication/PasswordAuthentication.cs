using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using EstProv.Est.Messages;

namespace EstProv.Est.Authentication;

/// <summary>
/// Who we are by user name and password (RFC 7030 section 3.2.3): Basic with the first request, or Digest when the server has asked. A nonce is used for
/// the requests that follow, too. One for all labels of a server; thread-safe.
/// </summary>
internal sealed class PasswordAuthentication(string user, EstPasswordUse use)
{
    /// <summary>Requests that one operation takes at most: a nonce of before that the server has forgotten, a new one, one that was stale at once.</summary>
    private const int MostAnswers = 3;

    private readonly Lock _gate = new();
    private DigestChallenge? _challenge;
    private uint _count;

    /// <summary>What goes with a request; it leaves only after the TLS server was verified.</summary>
    /// <param name="nonce">The server's that it answers; null when none.</param>
    public AuthenticationHeaderValue? Answer(string method, Uri url, string password, out string? nonce)
    {
        DigestChallenge? challenge;
        uint count;
        lock (_gate)
        {
            challenge = _challenge;
            count = challenge is null ? 0 : ++_count;
        }

        nonce = challenge?.Nonce;
        if (challenge is not null)
        {
            var clientNonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            return new AuthenticationHeaderValue("Digest", DigestAnswer.Create(challenge, user, password, method, url.PathAndQuery, count, clientNonce));
        }

        return use == EstPasswordUse.Basic ? new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))) : null;
    }

    /// <summary>Takes the challenge of a 401.</summary>
    /// <param name="answered">The nonce that the refused request had answered; null when none.</param>
    /// <param name="requests">How many requests of this operation have been answered, this one included.</param>
    /// <returns>Whether to send the request again: there is something new to say.</returns>
    public bool AnswersTo(EstReply reply, string? answered, int requests)
    {
        if (reply.Digest is not { } challenge || requests >= MostAnswers) return false;
        // A password that was refused by Basic is not tried by Digest once more: that would be two failures for one.
        if (use == EstPasswordUse.Basic && answered is null && reply.Asks("Basic")) return false;
        lock (_gate)
        {
            _challenge = challenge;
            _count = 0;
        }

        // The first request may have answered a nonce of long ago; what answered a fresh one was wrong, unless the server calls that one old.
        return answered is null || requests == 1 || challenge.Stale;
    }
}

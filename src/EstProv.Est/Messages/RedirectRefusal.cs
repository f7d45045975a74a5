namespace EstProv.Est.Messages;

/// <summary>Why a redirect was not followed (RFC 7030 section 3.2.1).</summary>
/// <param name="Why">Continues "… sends us on to URL, which is not followed: ".</param>
/// <param name="Hint">What to do.</param>
internal sealed record RedirectRefusal(string Why, string Hint)
{
    private const string UseTheOther = "configure the URL that the server names, if you trust it";

    /// <summary>The operator has to decide: nobody can know what the server made of the request, and the other would be told what was meant for this one.</summary>
    public static RedirectRefusal Post { get; } = new("a certificate request is not sent a second time by itself", UseTheOther);

    public static RedirectRefusal NoUrl { get; } = new("that is no https URL, or has a user in it", "the server must name an https URL");

    public static RedirectRefusal Circle { get; } = new("we have been there, so it leads in a circle", "correct the redirects of the server");

    public static RedirectRefusal TooMany(int most) => new($"that would be more than {most} redirects", UseTheOther);

    public static RedirectRefusal Bootstrap { get; } = new("while the server is not verified nobody is followed",
        "configure the URL that the server names, if it is the EST server's");
}

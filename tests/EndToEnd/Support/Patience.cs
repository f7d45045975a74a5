using System.Globalization;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>How much longer than usual is waited where the daemons run in emulation: <c>ESTPROV_PATIENCE</c>, a whole number of times.</summary>
internal static class Patience
{
    private static readonly int s_times = int.TryParse(Environment.GetEnvironmentVariable("ESTPROV_PATIENCE"), CultureInfo.InvariantCulture, out var times) && times > 0 ? times : 1;

    public static TimeSpan Of(TimeSpan usual) => usual * s_times;

    public static int Of(int usual) => usual * s_times;
}

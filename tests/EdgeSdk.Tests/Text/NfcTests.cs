using System.Buffers;
using System.Text;
using System.Text.Json;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

public class NfcTests
{
    [Fact]
    public void Composes_as_an_independent_implementation_does()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Assets.Data("text/nfc.json")));
        var cases = file.RootElement.GetProperty("cases").EnumerateArray().Select(c => (Text: c[0].GetString()!, Composed: c[1].GetString()!)).ToArray();

        Assert.True(cases.Length > 500);
        Assert.All(cases, c => Assert.Equal(c.Composed, Normalize(c.Text)));
        Assert.All(cases, c => Assert.Equal(c.Composed, Normalize(c.Composed)));
    }

    [Fact]
    public void Marks_in_any_number_are_ordered_by_class()
    {
        const int Count = 50_000;
        string text = "e" + string.Concat(Enumerable.Repeat("\u0301\u0323", Count));

        Assert.Equal("\u1EB9" + new string('\u0323', Count - 1) + new string('\u0301', Count), Normalize(text));
    }

    private static string Normalize(string text)
    {
        var output = new ArrayBufferWriter<byte>();
        Nfc.Normalize(Encoding.UTF8.GetBytes(text), output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}

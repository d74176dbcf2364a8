using EdgeSdk.Chat;

namespace EdgeSdk.Tests.Chat;

public class StopTextTests
{
    [Theory]
    [InlineData("one. STOP two", "STOP", "one. ")]
    [InlineData("aab", "ab", "a")]
    [InlineData("ababac", "abac", "ab")]
    [InlineData("STO and ST", "STOP", "STO and ST")]
    [InlineData("STOP", "STOP", "")]
    [InlineData("a\n\nb", "\n\n", "a")]
    [InlineData("xabcy", "abc|b", "xa")]
    [InlineData("xabc", "bc|abc", "x")]
    [InlineData("nothing", "", "nothing")]
    [InlineData("grüße 🙂 ende", "🙂", "grüße ")]
    public void A_text_ends_before_its_stop_sequence_wherever_it_is_split(string text, string sequences, string expected)
    {
        string[] stops = sequences.Split('|', StringSplitOptions.RemoveEmptyEntries);
        for (int splits = 0; splits < 1 << (text.Length - 1); splits++)
        {
            var stop = new StopText(stops);
            string written = "";
            int from = 0;
            for (int to = 1; to <= text.Length; to++)
            {
                if (to == text.Length || (splits & (1 << (to - 1))) != 0)
                {
                    written += stop.Append(text[from..to]);
                    from = to;
                }
            }

            Assert.Equal(expected, written + stop.Flush());
            Assert.Equal(expected != text, stop.IsMet);
        }
    }

    [Fact]
    public void Text_is_held_back_only_as_far_as_it_may_begin_a_stop_sequence()
    {
        var stop = new StopText(["<end>", "\n\n"]);

        Assert.Equal("a ", stop.Append("a <e"));
        Assert.Equal("<ex", stop.Append("x"));
        Assert.Equal("", stop.Append("\n"));
        Assert.Equal("\n", stop.Append("<"));
        Assert.Equal("<b", stop.Append("b"));
        Assert.Equal("", stop.Flush());
    }
}
